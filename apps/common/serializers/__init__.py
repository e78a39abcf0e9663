"""What a record looks like as JSON, and the same as SQL."""
