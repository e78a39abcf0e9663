"""One search across all resources."""
