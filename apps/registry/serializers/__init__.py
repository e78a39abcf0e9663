"""What divisions, organisations and venues look like as JSON."""
