"""The commands of `kapok`: name, file, and the line that help shows of each.

The line stands here so that `kapok --help` imports no command; a test compares it with the
command's own. A new command is a line here and a file beside this one with a `register`.
"""

from typing import Final, NamedTuple


class CommandRow(NamedTuple):
    """One command, or one group of commands."""

    name: str
    file: str
    """Name of its file beside this one; a file may hold several."""
    help: str
    """Its first sentence: what it does."""


COMMANDS: Final = (
    CommandRow(
        "up", "up", "Start everything on this machine and show it; Ctrl-C stops everything."
    ),
    CommandRow(
        "status",
        "status",
        "Say whether all is well; exit code 1: something is wrong, 2: the house does not answer.",
    ),
    CommandRow(
        "verify",
        "verify",
        "Verify codes: exit 0 when all pass, 1 when one does not, 2 when the call is wrong.",
    ),
    CommandRow(
        "inspect",
        "inspect",
        "Take one code apart, step by step; exit 0 when it passes, 1 when not.",
    ),
    CommandRow("trust", "trust", "Who is trusted (docs/trust.md)."),
    CommandRow("conform", "conform", "Answer lines of JSON (docs/conformance.md)."),
    CommandRow(
        "test",
        "tests",
        "Run the tests: all, `quick`, or those that pytest's arguments name (`-k name`).",
    ),
    CommandRow(
        "demo",
        "demo",
        "Show codes to the terminals of the running house and check what they decide.",
    ),
    CommandRow("feed", "feed", "Status from other systems (docs/feeds.md)."),
    CommandRow(
        "terminals", "terminals", "Show the fleet: where each terminal stands and how it is."
    ),
    CommandRow(
        "scan", "terminals", "Hold a picture before a terminal's lens and print what it decides."
    ),
    CommandRow(
        "scans",
        "scans",
        "Show the last scans of a terminal, or those of one code there; exit 1 when there is none.",
    ),
    CommandRow("terminal", "terminals", "One terminal on this machine."),
    CommandRow("command", "terminals", "Tell a terminal to do something."),
    CommandRow(
        "scanner",
        "scanner",
        "Show the commissioning code for a terminal's scanner (docs/terminal.md, Scanners).",
    ),
    CommandRow("operator", "operator", "Operators and their tokens."),
    CommandRow("colour", "colour", "A person's colour, changed by two people."),
    CommandRow("audit", "audit", "The audit logs."),
    CommandRow("data", "data", "A data folder whose house does not run."),
    CommandRow("issue", "issue", "Issue credentials."),
    CommandRow("holder", "holder", "Play people's phones."),
    CommandRow("city", "city", "A synthetic city of people who do not exist."),
    CommandRow("records", "records", "Records of scans, one folder for each day."),
    CommandRow("person", "person", "What is kept of one person."),
    CommandRow("destruction", "destruction", "The end of a person plane, by two people."),
    CommandRow("bench", "bench", "Measure this machine; without names, everything."),
    CommandRow(
        "soak",
        "soak",
        "Attack every parser with damaged inputs; a finding ends it with exit code 1.",
    ),
    CommandRow("version", "version", "Print the version of kapok and of the Python that runs it."),
)
