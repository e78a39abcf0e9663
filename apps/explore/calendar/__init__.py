"""A calendar of events and deadlines."""
