"""Writes one record, or many, from a body, and explains what the database refuses."""
