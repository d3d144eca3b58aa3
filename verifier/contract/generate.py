"""`python -m verifier.contract.generate`: write what derives from the contract, or `--check` it.

The derived page is committed, so that people who write terminals and signs need no Python.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from verifier.contract.reasons import PASSED, PASSED_UNSURE, REASONS
from verifier.contract.vocabulary import Outcome

_HEAD: Final = """\
# Reasons

Generated from `verifier/contract/reasons.py` by `python -m verifier.contract.generate`; a test
compares. The vocabulary is closed: a terminal treats a Reason it does not know as a refusal.

The step is that of `assess` (or of the store: `use`) which gives the Reason; the outcome is the one
it has unless a place's profile asks for another. A sentence says what happened and what to do.

| reason | step | outcome | zh-CN | en |
|---|---|---|---|---|
"""


def reasons_page() -> str:
    """Return the table of Reasons as Markdown."""
    rows = "".join(
        f"| `{reason}` | {row.step} | {row.outcome} | {row.zh} | {row.en} |\n"
        for reason, row in REASONS.items()
    )
    passes = (
        f"| none | | {Outcome.PASS} | {PASSED[0]} | {PASSED[1]} |\n"
        f"| one that could not be known | | {Outcome.PASS} "
        f"| {PASSED_UNSURE[0]} | {PASSED_UNSURE[1]} |\n"
    )
    return _HEAD + rows + passes


def derived() -> Mapping[str, str]:
    """Return path within the repository -> text of every derived file."""
    return {"docs/reasons.md": reasons_page()}


def main(arguments: list[str], root: Path) -> int:
    """Write the derived files under `root`, or compare; returns the exit status."""
    parser = argparse.ArgumentParser(prog="verifier.contract.generate", description=__doc__)
    return keep(derived, parser, arguments, root)


def keep(
    make: Callable[[], Mapping[str, str]],
    parser: argparse.ArgumentParser,
    arguments: list[str],
    root: Path,
) -> int:
    """Write what `make` derives under `root`, or with --check compare; returns the exit status."""
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 on a difference"
    )
    check = parser.parse_args(arguments).check
    differing = []
    for name, text in make().items():
        path = root / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        differing.append(name)
        if not check:
            path.write_text(text, encoding="utf-8")
    for name in differing:
        sys.stdout.write(f"{name}: {'differs' if check else 'written'}\n")
    return 1 if check and differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(__file__).resolve().parents[2]))
