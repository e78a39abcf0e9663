"""Query parameters that narrow a list."""
