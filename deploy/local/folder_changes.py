"""What a migration changes in a data folder: values only."""

from collections.abc import Mapping
from typing import NamedTuple


class Moved(NamedTuple):
    """The content is that of another file of the folder, which is gone afterwards.

    For files that may be large: nothing is read, and no copy of it is kept.
    """

    old: str
    """Path in the data folder."""


Change = bytes | Moved | None
"""The whole new content, where it comes from, or None: the file is removed."""
Changes = Mapping[str, Change]
"""By path in the data folder."""
