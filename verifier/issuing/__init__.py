"""The other side of a code: the issuer who signs, and the holder's phone."""
