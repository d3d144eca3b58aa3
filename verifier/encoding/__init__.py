"""Bytes and texts: base45, strict JSON, inflating, dates. Pure; knows no code format."""
