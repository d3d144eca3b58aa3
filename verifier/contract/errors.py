"""The one error of the contract: bytes or values that do not have the agreed shape."""


class MalformedError(ValueError):
    """Something handed over does not have the agreed shape; the message never quotes the input."""
