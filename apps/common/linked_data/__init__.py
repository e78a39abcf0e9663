"""The rules and the writer of JSON-LD; the terms of each resource stand in its app."""
