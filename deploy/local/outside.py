"""What comes from outside, made harmless before a command prints it.

A door refuses control and bidirectional characters in what people write. An answer may hold what
came before that rule, or by another way; whoever prints it need not ask.
"""

from typing import Any

from verifier.contract.text import spelled_out


def harmless(value: Any) -> Any:
    """Return a JSON value in which no text commands a screen, its members' names included."""
    if isinstance(value, str):
        return spelled_out(value)
    if isinstance(value, list):
        return [harmless(each) for each in value]
    if isinstance(value, dict):
        return {spelled_out(name): harmless(each) for name, each in value.items()}
    return value
