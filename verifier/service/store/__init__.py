"""What the verifier keeps in Redis: a file a key family (docs/store-verifier.md)."""
