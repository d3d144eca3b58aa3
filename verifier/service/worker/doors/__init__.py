"""The worker's doors, one file for each resource."""
