"""The language of whoever calls, by the environment."""

import os
from typing import Final

from verifier.contract.reasons import Language

_ASKED: Final = ("LC_ALL", "LC_MESSAGES", "LANG")
"""The first of these that is set decides (POSIX, Internationalization Variables)."""


def own_language() -> Language:
    """Return Chinese where the environment asks for it, English otherwise."""
    return Language.ZH if asked_locale().startswith("zh") else Language.EN


def asked_locale() -> str:
    """Return the locale of messages that the environment asks for; empty: none."""
    return next((value for name in _ASKED if (value := os.environ.get(name))), "")
