"""A query as text with named parameters, run prepared."""
