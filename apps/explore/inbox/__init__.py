"""What waits for whom: `/inbox`, and the queue on the curators' pages."""
