"""Names of others matched with records (the Reconciliation API, version 0.2)."""
