"""Records kept past the store: hours and days, the columns of day files, what was moved. Pure.

Files, the store and the clock belong to `verifier.service.archive`; the format to docs/records.md.
"""
