"""Writes one record, or many, from a body, and says what the database refuses."""
