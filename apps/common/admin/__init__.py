"""The curators' pages: what the admin of every record shares."""
