"""What a person at the command line is told: one sentence and an exit code."""

from typing import Final

EXIT_FAILED: Final = 1
"""Something that should have worked did not."""
EXIT_USAGE: Final = 2
"""The call is wrong or something is missing that only a person can put there."""

EXIT_INTERRUPTED: Final = 130
"""Ctrl-C, as shells count it: 128 + SIGINT."""


class LocalError(Exception):
    """A failure with one clear sentence that says what to do."""

    exit_code: int = EXIT_FAILED


class UsageError(LocalError):
    """The call, the data folder or the machine is not as it must be."""

    exit_code = EXIT_USAGE


class AwayError(LocalError):
    """A door of the house does not answer: it is not up, or on its way."""


class ChildFailedError(LocalError):
    """A child ended, or did not become ready, while the house was being started."""
