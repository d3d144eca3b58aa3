"""Planes: read, changed, published, destroyed."""
