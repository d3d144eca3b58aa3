"""The worker's doors, a file a resource."""
