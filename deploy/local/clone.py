"""The clone: the folder that holds our packages, the environment and the script `kapok`."""

from pathlib import Path


def clone_folder() -> Path:
    """Return the clone: the script `kapok` starts us from there."""
    return Path(__file__).resolve().parents[2]
