"""The service as a whole: `serve`, `dump` and the makers of committed files. Nothing imports it."""
