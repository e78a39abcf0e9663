"""A GET as a request in parts, as SQL, and as bytes: pages, cursors, ETags, kept answers, `known_at`."""
