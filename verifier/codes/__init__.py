"""Text to claims and back, one file for each format; pure, strict, bounded.

Nothing here trusts anything: what comes out of `decode` is unverified, and `claims()` may be
called only after the issuer's signature holds.
"""
