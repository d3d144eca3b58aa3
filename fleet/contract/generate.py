"""`python -m fleet.contract.generate`: write what is derived from the contract; `--check` compares.

The derived files are committed, so that the broker, packagers and firmware people need no Python.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fleet.contract.acl import access_list
from fleet.contract.commands import COMMAND_RULES
from fleet.contract.topics import TABLE, Party

_DOCUMENT_HEAD: Final = """\
# Topics between a terminal and the fleet

Generated from `fleet/contract/topics.py` by `python -m fleet.contract.generate`; a test compares.
How to use them: [terminal-contract.md](terminal-contract.md).

`{shard}` is one hex digit, the low four bits of the first byte of SHA-256 of the terminal id.
`{terminal}.{generation}` is the CN of the terminal's certificate: its id, `[a-z0-9-]{4,32}`, and
the number of its enrolment, 1 to 999999 without leading zeros. Nothing is retained.

| topic | who publishes | QoS | payload | what |
|---|---|---|---|---|
"""
_COMMANDS_HEAD: Final = """
## Commands

| type | effect | limit from accepted to result | arguments |
|---|---|---|---|
"""


def topics_document() -> str:
    """Return the table of topics and commands as Markdown."""
    topics = "".join(
        f"| `{rule.template}` | {_who(rule.publisher)} | {rule.qos} "
        f"| `{rule.message.__name__}` | {rule.what} |\n"
        for rule in TABLE
    )
    commands = "".join(
        f"| `{name}` | {rule.effect.replace('_', ' ')} | {rule.run_limit_s} s "
        f"| {', '.join(sorted(rule.arguments)) or 'none'} |\n"
        for name, rule in COMMAND_RULES.items()
    )
    return _DOCUMENT_HEAD + topics + _COMMANDS_HEAD + commands


def derived() -> Mapping[str, str]:
    """Return path within the repository -> text of every derived file."""
    return {
        "deploy/mosquitto/topics.acl": access_list(),
        "docs/fleet-topics.md": topics_document(),
    }


def _who(party: Party) -> str:
    return "the terminal" if party is Party.TERMINAL else "the fleet"


def main(arguments: list[str], root: Path) -> int:
    """Write the derived files under `root`, or compare; returns the exit status."""
    parser = argparse.ArgumentParser(prog="fleet.contract.generate", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 on a difference"
    )
    check = parser.parse_args(arguments).check
    differing = []
    for name, text in derived().items():
        path = root / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        differing.append(name)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for name in differing:
        sys.stdout.write(f"{name}: {'differs' if check else 'written'}\n")
    return 1 if check and differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(__file__).resolve().parents[2]))
