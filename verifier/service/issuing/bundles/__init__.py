"""Bundles: made from files and from the store, signed and published."""
