"""What a proposal is about, as every kind of proposal says it."""

from typing import NamedTuple


class Matter(NamedTuple):
    """What a proposal is about, as it stands now."""

    subject: str
    before: str
    after: str
