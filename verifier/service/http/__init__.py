"""The verifier's HTTP doors; a file a resource. Errors: RFC 9457 (docs/http-verifier.md)."""
