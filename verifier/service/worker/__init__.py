"""The scan worker: the only process that judges codes."""
