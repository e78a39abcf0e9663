"""How well a resource meets a need: what both say as classes and words, and a score with its parts. Values in, values
out; the database is asked in `apps/projects/suggesting.py`."""
