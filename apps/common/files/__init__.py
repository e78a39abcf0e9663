"""Lists as CSV, XLSX and NDJSON, and spreadsheets as records."""
