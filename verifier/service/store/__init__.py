"""What the verifier keeps in Redis: one file for each key family (docs/store-verifier.md)."""
