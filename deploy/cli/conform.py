"""`kapok conform codes|bundles|rules|statuslist`: lines of JSON in, lines of JSON out."""

import sys
from collections.abc import Callable, Iterator

import typer

from verifier.barcode.decoded import read_picture
from verifier.barcode.scan import find
from verifier.codes.shown import opens
from verifier.conform import bundles, codes, statuslist
from verifier.conform.lines import MAX_LINE_BYTES, too_long
from verifier.policy import certlogic


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(no_args_is_help=True, help="Answer lines of JSON (docs/conformance.md).")
    group.command("codes")(conform_codes)
    group.command("bundles")(conform_bundles)
    group.command("rules")(conform_rules)
    group.command("statuslist")(conform_statuslist)
    app.add_typer(group, name="conform")


def conform_codes() -> None:
    """Judge codes: {"id", "text", "at", "keys"} a line."""
    _answer_all(
        lambda line: codes.conform_line(line, lambda picture: find(read_picture(picture), opens))
    )


def conform_bundles() -> None:
    """Take signed documents: {"id", "documents"} a line."""
    _answer_all(bundles.conform_line)


def conform_rules() -> None:
    """Evaluate CertLogic rules: {"id", "logic", "data"} a line."""
    _answer_all(certlogic.conform_line)


def conform_statuslist() -> None:
    """Read status lists: {"id", "bits", "lst", "index"} a line."""
    _answer_all(statuslist.conform_line)


def _answer_all(answer: Callable[[bytes], bytes]) -> None:
    """Answer standard input line by line, each flushed, until it ends; blank lines are skipped."""
    for line in _lines():
        sys.stdout.buffer.write((too_long() if line is None else answer(line)) + b"\n")
        sys.stdout.buffer.flush()


def _lines() -> Iterator[bytes | None]:
    """Yield lines that are not blank; None for one that is too long to be kept."""
    source = sys.stdin.buffer
    while line := source.readline(MAX_LINE_BYTES + 2):
        content = line.rstrip(b"\r\n")
        if len(content) > MAX_LINE_BYTES:
            while line and not line.endswith(b"\n"):
                line = source.readline(MAX_LINE_BYTES)
            yield None
        elif content.strip():
            yield content
