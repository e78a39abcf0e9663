"""Names that were hidden on request: their digests, and where they stand."""
