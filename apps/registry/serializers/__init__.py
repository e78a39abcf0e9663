"""The JSON of divisions, organisations and venues."""
