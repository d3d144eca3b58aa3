"""What a proposal is about, as every kind of proposal says it."""

from typing import NamedTuple


class Matter(NamedTuple):
    """What a proposal is about, as it stands now."""

    subject: str
    before: str
    after: str
    identity: str = ""
    """How it was made sure who asks, where somebody asked for it."""
    note: bytes = b""
    """What carrying it out needs and nobody is shown; kept beside the proposal."""
