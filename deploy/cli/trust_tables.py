"""Tables of `kapok trust`: keys, differences, roots."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.console import Console

from deploy.cli.tables import Column, TableRow, print_table
from deploy.inspection.words import printable, span, utc
from deploy.trust.imports import AffectedIssuer, Import
from deploy.trust.overview import Edition, KeyRow, Trusted, When, key_rows
from deploy.trust.roots import SignedRoot
from verifier.contract.bundle import KeyEntry
from verifier.trust.list_entry import Unusable

MAX_ROWS: Final = 500
"""Rows of one table; `show --json` gives all."""
MAX_CHARS: Final = 80
"""Characters of a name or a place in a list."""
_COLUMNS: Final = (
    Column(name="kid"),
    Column(name="may sign", breaks=16),
    Column(name="whose", breaks=12),
    Column(name="from, until", breaks=10),
)
_STYLES: Final = {When.SOON: "yellow", When.ENDED: "red", When.LATER: "dim"}


def print_import(console: Console, plan: Import, now: float) -> None:
    """Print what an import would do."""
    change = plan.change
    names = change.source.names
    rows = [*_rows("+", change.added, names, now), *_rows("-", change.removed, names, now)]
    for altered in change.changed:
        rows += _rows("~", (altered.before,), names, now)
        rows += _rows("→", (altered.after,), names, now)
    if not change.empty:
        _print_keys(console, rows)
    for renewal in plan.cards.renewed:
        one, before = renewal.list, renewal.before
        after = "" if before is None else f", after list {before}"
        console.print(
            f"{'+' if before is None else '~'} cards revoked under {one.kid}: list {one.counter}"
            f"{after}, {len(one.entries)} entries"
        )
    for note in plan.notes:
        console.print(f"note: {printable(note, 200)}")
    _print_left_out(console, "refused", plan.refused)
    _print_left_out(console, "passed over", plan.passed_over)
    _print_lost(console, plan.lost)
    _print_affected(console, plan.affected)
    console.print(
        f"{len(change.added)} added, {len(change.removed)} removed, {len(change.changed)} changed,"
        f" {len(change.same) + plan.cards.same} already there, {len(plan.refused)} refused"
    )
    for kid, counter in plan.cards.wanted.items():
        console.print(
            f"its issuer has revoked cards of {kid}: import list {counter} too,"
            f" <issuer>/.well-known/crl/{kid}.json",
            style="yellow",
        )


def _rows(
    sign: str, entries: Sequence[KeyEntry], names: dict[str, str], now: float
) -> Iterator[TableRow]:
    for row in key_rows(entries, names, now):
        yield _row(row, sign)


def _print_keys(console: Console, rows: Sequence[TableRow]) -> None:
    print_table(console, _COLUMNS, rows[:MAX_ROWS])
    if len(rows) > MAX_ROWS:
        console.print(f"{len(rows) - MAX_ROWS} more; --json gives all")


def _row(row: KeyRow, sign: str = "") -> TableRow:
    """Write a key; `sign` says what becomes of it."""
    lists = f" (list {row.lists})" if row.lists else ""
    whose = " ".join(filter(None, (row.issuer, printable(row.name, MAX_CHARS)))) or "any issuer"
    window = f"{utc(row.begins)[:10]} {utc(row.ends)[:10]}"
    mark = "" if row.when is When.NOW else f" {row.when.value}"
    signs = f"{row.formats}: {row.uses}{lists}"
    kid = f"{sign}\u00a0{row.kid}" if sign else row.kid
    return TableRow(cells=(kid, signs, whose, window + mark), style=_STYLES.get(row.when, ""))


def _print_left_out(console: Console, word: str, items: Iterable[Unusable]) -> None:
    for number, item in enumerate(items):
        if number == MAX_ROWS:
            console.print("…")
            return
        whose = f" ({printable(item.issuer, MAX_CHARS)})" if item.issuer else ""
        where = printable(item.where, MAX_CHARS)
        console.print(f"{word}: {where}{whose}: {printable(item.why, 200)}")


def _print_lost(console: Console, lost: Sequence[Unusable]) -> None:
    """Say what keys are taken without: once for each issuer and reason."""
    alike: dict[tuple[str, str], list[str]] = {}
    for item in lost:
        alike.setdefault((item.issuer, item.why), []).append(item.where)
    together = (
        Unusable(
            where=where[0] if len(where) == 1 else f"{where[0]} and {len(where) - 1} more",
            why=why,
            issuer=issuer,
        )
        for (issuer, why), where in alike.items()
    )
    _print_left_out(console, "taken without", together)


def _print_affected(console: Console, affected: Sequence[AffectedIssuer]) -> None:
    """Say per issuer what the people who hold its cards lose."""
    for one in affected[:MAX_ROWS]:
        issuer, why = printable(one.issuer, MAX_CHARS), printable(one.why, 200)
        if one.taken:
            total = one.taken + one.left_out
            loss = f"codes under {one.left_out} of the {total} keys of {issuer} do not pass"
        else:
            loss = f"people with codes of {issuer} cannot pass"
        console.print(f"{loss}: {why}", style="yellow")
    if len(affected) > MAX_ROWS:
        console.print(f"{len(affected) - MAX_ROWS} more issuers")


def print_trusted(console: Console, found: Trusted) -> None:
    """Print root, source and the bundle in force."""
    console.print(f"root {_edition(found.root)}", style=_STYLES.get(found.root.when))
    console.print(f"  root keys ({found.threshold} must sign): {' '.join(found.root_kids)}")
    console.print(f"  bundle keys: {' '.join(found.bundle_kids)}")
    if found.in_force is not None:
        edition = _edition(found.in_force)
        console.print(f"trust bundle in force {edition}", style=_STYLES.get(found.in_force.when))
        _print_keys(console, [_row(row) for row in found.bundle])
    if found.note is not None:
        console.print(found.note)
    if found.in_force is None or found.note is not None:
        console.print("trust source")
        _print_keys(console, [_row(row) for row in found.source])
    soon = sum(row.when is When.SOON for row in found.source)
    if soon:
        console.print(f"{soon} keys end within 30 days", style="yellow")


def _edition(edition: Edition) -> str:
    mark = "" if edition.when is When.NOW else f" ({edition.when.value})"
    return f"{edition.version}: {utc(edition.begins)} to {utc(edition.ends)}{mark}"


def print_root(console: Console, made: SignedRoot) -> None:
    """Print what a root changes, and who has signed it."""
    change, signatures = made.change, made.signatures
    before, after = change.version
    console.print(f"root {after}, {'the first' if not before else f'after root {before}'}")
    if change.threshold[0] not in (0, change.threshold[1]):
        console.print(f"~ threshold {change.threshold[0]} to {change.threshold[1]}")
    ended, ends = change.expires
    longer = "" if not ended else f", {span(ends - ended)} {'later' if ends > ended else 'earlier'}"
    console.print(f"~ ends {utc(ends)}{longer}")
    kinds = (
        ("root", change.root_added, change.root_removed, change.root_kept),
        ("bundle", change.bundle_added, change.bundle_removed, change.bundle_kept),
    )
    for kind, added, removed, kept in kinds:
        for sign, kids in (("+", added), ("-", removed), ("=", kept)):
            for kid in kids:
                console.print(f"{sign} {kind} key {kid.hex()}")
    console.print(f"signed by {len(signatures.own)} of {signatures.own_threshold} of its own keys")
    if signatures.previous_threshold:
        console.print(
            f"signed by {len(signatures.previous)} of {signatures.previous_threshold}"
            " of the previous root's keys"
        )
    elif after > 1:
        console.print("no previous root was given, so whether one of its keys signed is not known")
