"""A data folder with keys, root and trust source, as a first start makes them; no house runs."""

from pathlib import Path

from deploy.local import trust
from deploy.local.data import FOLDERS


def made(folder: Path) -> Path:
    """Make one and return it."""
    data = folder / "data"
    for name in FOLDERS:
        (data / name).mkdir(parents=True)
    trust.make_signing_keys(data)
    trust.make_root(data)
    trust.make_trust_source(data)
    return data
