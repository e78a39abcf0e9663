"""The viewset of a resource: its read half, its write half, and the quick way for plain reads."""
