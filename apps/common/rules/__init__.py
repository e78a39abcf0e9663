"""What holds however a row is written: publishing, territory, the change log's triggers, permissions."""
