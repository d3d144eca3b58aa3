"""What the verifier's HTTP doors share beyond `runtime/http`: callers, languages, tokens."""
