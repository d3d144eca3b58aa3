"""Asks the house's doors what there is to see, again and again; answers are plain values.

Reads only: records from the verifier, terminals from the fleet, each terminal's own state; what
changes slowly is `standing`'s. A door that does not answer is a problem row, never an exception.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from deploy.local.child import ChildState, ChildStatus
from deploy.local.errors import LocalError
from deploy.local.house import Endpoints
from deploy.local.house_state import HouseState
from deploy.local.outside import harmless
from deploy.local.passwords import read_secret
from deploy.local.snapshot import DecisionRow, ProblemRow, Severity, Snapshot, TerminalRow
from deploy.local.trust import LIST
from deploy.words.phrase import Phrase
from runtime.http.answers import read_whole
from verifier.contract.reasons import Language, sentence
from verifier.contract.record import RecordLine, RecordPage
from verifier.trust.kinds import read_name

ASK_SECONDS: Final = 2.0
"""One question to one door; the view must not hang on a slow one."""
MAX_DECISIONS: Final = 200
"""Kept for the view: more than any screen has lines."""
PAGE_RECORDS: Final = 200
"""Asked for at a time."""
MAX_ANSWER_BYTES: Final = 4 * 2**20
"""Read of one answer."""
MAX_PAGES: Final = 40
"""Pages of 500 terminals: more than a city has gates."""
_PLANES: Final = ("health", "revocation")


class Watch:
    """The house as seen through its doors; `snapshot` asks all of them once."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        endpoints: Endpoints,
        api_key: Path,
        standing: HouseState,
    ) -> None:
        """Watch by the key in a file, which is read at each look: it may come and go."""
        self._session = session
        self._key = api_key
        self._endpoints = endpoints
        self._standing = standing
        self._headers: Mapping[str, str] = {}
        self._language = Language.EN
        self._cursor: str | None = None
        self._decisions: deque[DecisionRow] = deque(maxlen=MAX_DECISIONS)

    def speak(self, language: Language) -> None:
        """Choose the language of the sentences of decisions yet to come."""
        self._language = language

    async def snapshot(self, children: Iterable[ChildStatus]) -> Snapshot:
        """Return the house as it is now."""
        status = tuple(children)
        problems = [row for child in status if (row := _child_problem(child)) is not None]
        try:
            secret = read_secret(self._key)
            self._headers = {"Authorization": f"Bearer {secret}"}
            problems += await self._read_records()
            listed, more = await self._read_terminals()
            await self._standing.look()
        except (OSError, LocalError) as error:
            listed, more = {}, [_unread(error, self._key)]
        # What status finds says more than that a child or a door is away.
        found = self._standing.problems
        named = {name for row in found for name in row.who.split(", ")}
        first = [row for row in (*problems, *more) if row.who not in named]
        return Snapshot(
            decisions=tuple(self._decisions),
            terminals=await self._terminal_rows(listed),
            problems=(*first, *found),
            facts=self._standing.facts,
            children=status,
        )

    async def _read_records(self) -> list[ProblemRow]:
        url = f"{self._endpoints.verifier_url}/v1/records?limit={PAGE_RECORDS}"
        try:
            body = await self._get(url + (f"&after={self._cursor}" if self._cursor else ""))
            page = msgspec.json.decode(body, type=RecordPage)
        except (aiohttp.ClientError, OSError, msgspec.DecodeError) as error:
            return [_away("verifier", Phrase("decisions are not shown"), error)]
        self._cursor = page.cursor
        self._decisions.extend(self._decision(line) for line in page.records)
        return []

    def _decision(self, line: RecordLine) -> DecisionRow:
        return DecisionRow(
            scan_id=line.scan_id,
            at=line.at / 1000,
            place=line.place,
            terminal=line.terminal,
            code_format=line.format or "?",
            decision=line.decision.value,
            reason="" if line.reason is None else line.reason.value,
            sentence=sentence(line.decision, line.reason, self._language),
            milliseconds=line.milliseconds,
            offline=line.offline,
        )

    async def _read_terminals(self) -> tuple[Mapping[str, Mapping[str, Any]], list[ProblemRow]]:
        rows: list[Mapping[str, Any]] = []
        url, after = f"{self._endpoints.fleet_url}/v1/terminals", ""
        try:
            for _ in range(MAX_PAGES):
                body = await self._get(f"{url}?after={after}" if after else url)
                page = harmless(msgspec.json.decode(body))
                rows += page["terminals"]
                after = page["next"] or ""
                if not after:
                    break
        except (aiohttp.ClientError, OSError, msgspec.DecodeError, KeyError, TypeError) as error:
            return {}, [_away("fleet", Phrase("presence is not known"), error)]
        return {str(row["terminal"]): row for row in rows}, []

    async def _terminal_rows(
        self, listed: Mapping[str, Mapping[str, Any]]
    ) -> tuple[TerminalRow, ...]:
        names = sorted(self._endpoints.terminals.keys() | listed.keys())
        return tuple([await self._terminal_row(name, listed.get(name)) for name in names])

    async def _terminal_row(self, name: str, listed: Mapping[str, Any] | None) -> TerminalRow:
        presence = None if listed is None else Phrase(str(listed.get("presence")))
        own = await self._own_state(name)
        outbox, bundles = own.get("outbox", {}).get("waiting"), own.get("bundles")
        online = own.get("connectivity", {}).get("online")
        network = Phrase("cut off" if own.get("cut") else "online" if online else "offline")
        return TerminalRow(
            name=name,
            presence=presence,
            network=network if own else None,
            outbox=outbox if isinstance(outbox, int) else None,
            bundles=_versions(bundles) if isinstance(bundles, dict) else None,
        )

    async def _own_state(self, name: str) -> Mapping[str, Any]:
        socket = self._endpoints.terminals.get(name)
        if socket is None:
            return {}
        connector = aiohttp.UnixConnector(socket)
        timeout = aiohttp.ClientTimeout(total=ASK_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
                session.get("http://terminal/state") as answer,
            ):
                found = harmless(msgspec.json.decode(await read_whole(answer, MAX_ANSWER_BYTES)))
        except (aiohttp.ClientError, OSError, msgspec.DecodeError):
            return {}  # the supervisor says that its process is away; twice would not help
        return found if isinstance(found, dict) else {}

    async def _get(self, url: str) -> bytes:
        timeout = aiohttp.ClientTimeout(total=ASK_SECONDS)
        async with self._session.get(url, headers=self._headers, timeout=timeout) as answer:
            answer.raise_for_status()
            return await read_whole(answer, MAX_ANSWER_BYTES)


def _child_problem(child: ChildStatus) -> ProblemRow | None:
    if child.problem is None:
        if child.crashed is None:
            return None
        mended = Phrase(
            "runs again (restarts: {count}); before that it {crash}",
            count=child.restarts,
            crash=child.crashed,
        )
        return ProblemRow(who=child.name, sentence=mended, severity=Severity.TROUBLED)
    down = child.state in {ChildState.RESTARTING, ChildState.STOPPED}
    severity = Severity.DOWN if down else Severity.TROUBLED
    return ProblemRow(who=child.name, sentence=child.problem, severity=severity)


def _unread(error: OSError | LocalError, key: Path) -> ProblemRow:
    """Say that a file is missing or closed by which the house is looked at; it runs on."""
    path = getattr(error, "filename", None) or key
    why = getattr(error, "strerror", None) or str(error)
    return ProblemRow(
        who="kapok up",
        sentence=Phrase(
            "cannot read {path} ({why}): decisions and terminals are not shown; the house goes on",
            path=path,
            why=why,
        ),
        severity=Severity.TROUBLED,
    )


def _away(who: str, effect: Phrase, error: Exception) -> ProblemRow:
    status = getattr(error, "status", None)
    how = Phrase("answers {status}", status=status) if status else Phrase("does not answer")
    return ProblemRow(
        who=who,
        sentence=Phrase(
            "its door {how}: {effect}; see log/ in the data folder", how=how, effect=effect
        ),
        severity=Severity.TROUBLED,
    )


def _versions(bundles: Mapping[Any, Any]) -> str:
    """Say versions in short: the planes of the one list first, since they change the most."""
    named = {_short(str(name)): version for name, version in bundles.items()}
    order = sorted(named, key=lambda name: (name not in _PLANES, name))
    return ", ".join(f"{name} {named[name]}" for name in order)


def _short(name: str) -> str:
    """Leave out the number of this house's list, and the place, which is the terminal's own."""
    read = read_name(name)
    if read is not None and read.place is not None:
        return read.kind.word
    return name.removeprefix(f"status-{LIST}-")
