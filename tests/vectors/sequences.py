"""The cases of what a terminal and a store do one step after another; make.py writes them.

What is expected of each step is written by hand.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tests.support.health import chunks
from verifier.codes.shc import gather

Step = Mapping[str, Any]
Document = dict[str, Any]
NOW_MS: Final = 1_790_000_000_000
MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
FIRST, SECOND = f"{1:032x}", f"{2:032x}"
OPEN: Final = {
    "id": FIRST,
    "type": "open_gate",
    "issued_at": NOW_MS - 1000,
    "expires_at": NOW_MS + MINUTE_MS,
}


def sequence_cases() -> Iterator[Document]:
    """Yield every sequence, each with an `id` that is its path without `.json`."""
    for kind, cases in (
        ("commands", COMMANDS),
        ("chunks", CHUNKS),
        ("outbox", OUTBOX),
        ("uses", USES),
    ):
        for why, steps in cases.items():
            name = why.replace("'", "").replace(",", "").replace(" ", "-")
            yield {"id": f"sequences/{kind}-{name}", "why": why, "kind": kind, "steps": steps}


def _word(state: str, code: str, command: str = FIRST) -> Step:
    return {"command": command, "state": state, "code": code}


def _receive(expect: Step | None, *, act: bool = False, **more: Any) -> Step:
    return {"receive": OPEN, "now": NOW_MS, "expect": expect, "act": act} | more


def _finish(expect: Step | None, *, done: bool, command: str = FIRST) -> Step:
    return {"finish": command, "done": done, "expect": expect}


_RUNNING: Final = _word("running", "ok")
_SUCCEEDED: Final = _word("succeeded", "ok")
_TOO_LONG: Final = OPEN | {"expires_at": NOW_MS + 400 * 86_400_000}
COMMANDS: Final[Mapping[str, Sequence[Step]]] = {
    "a command is done once and its result is said again": (
        _receive(_RUNNING, act=True),
        _finish(_SUCCEEDED, done=True),
        _receive(_SUCCEEDED),
    ),
    "a command that comes twice while it runs is begun once": (
        _receive(_RUNNING, act=True),
        _receive(_RUNNING),
    ),
    "what broke is said": (
        _receive(_RUNNING, act=True),
        _finish(_word("failed", "hardware"), done=False),
    ),
    "a command begun before a power cut is unknown and never done again": (
        _receive(_RUNNING, act=True),
        {"restart": True, "expect": [_word("unknown", "restarted")]},
        _receive(_word("unknown", "restarted")),
    ),
    "a command that ends now is too late": (
        _receive(_word("expired", "too_late"), now=OPEN["expires_at"]),
        _receive(_word("expired", "too_late")),
    ),
    "an unsure clock begins nothing that is done at most once": (
        _receive(_word("rejected", "clock.unsure"), clock_sure=False),
    ),
    "a suspended terminal does nothing": (
        _receive(_word("rejected", "suspended"), suspended=True),
    ),
    "a retained command was said to somebody else": (_receive(None, retained=True),),
    "an argument that the type does not have": (
        _receive(_word("rejected", "arguments.bad"), receive=OPEN | {"arguments": {"far": 1}}),
    ),
    "a command that would last too long": (
        _receive(_word("rejected", "arguments.bad"), receive=_TOO_LONG),
    ),
    "a type that is not known": (
        _receive(_word("rejected", "type.unknown"), receive=OPEN | {"type": "dance"}),
    ),
    "a command without a type is dropped": (_receive(None, receive={"id": FIRST}),),
    "a command whose times cannot be read": (
        _receive(_word("rejected", "arguments.bad"), receive=OPEN | {"expires_at": "soon"}),
    ),
    "what is wrong with a command goes before the state of the terminal": (
        _receive(
            _word("rejected", "arguments.bad"),
            receive=OPEN | {"arguments": {"far": 1}},
            suspended=True,
            clock_sure=False,
        ),
        _receive(
            _word("rejected", "suspended", SECOND),
            receive=OPEN | {"id": SECOND},
            suspended=True,
            clock_sure=False,
        ),
    ),
    "a rejection is final though its cause has gone": (
        _receive(_word("rejected", "clock.unsure"), clock_sure=False),
        _receive(_word("rejected", "clock.unsure")),
    ),
    "a command is remembered until a day after its end": (
        _receive(_RUNNING, act=True),
        _finish(_SUCCEEDED, done=True),
        _receive(_SUCCEEDED, now=NOW_MS + MINUTE_MS + DAY_MS),
    ),
    "two commands do not know of each other": (
        _receive(_RUNNING, act=True),
        _receive(_word("running", "ok", SECOND), act=True, receive=OPEN | {"id": SECOND}),
        _finish(_word("succeeded", "ok", SECOND), done=True, command=SECOND),
        _receive(_RUNNING),
    ),
}


_CARD: Final = chunks(3)
_OTHER: Final = chunks(2)
_WHOLE: Final = gather(_CARD)


def _shown(text: str, at: float, expect: Any) -> Step:
    return {"text": text, "at": at, "expect": expect}


def _read(read: int, total: int) -> Step:
    return {"read": read, "total": total}


CHUNKS: Final[Mapping[str, Sequence[Step]]] = {
    "a card is whole with its last symbol in any order": (
        _shown(_CARD[2], 0, _read(1, 3)),
        _shown(_CARD[0], 1, _read(2, 3)),
        _shown(_CARD[1], 2, _WHOLE),
    ),
    "a symbol that is read twice counts once": (
        _shown(_CARD[0], 0, _read(1, 3)),
        _shown(_CARD[0], 1, _read(1, 3)),
        _shown(_CARD[1], 2, _read(2, 3)),
    ),
    "a symbol of another card begins anew": (
        _shown(_CARD[0], 0, _read(1, 3)),
        _shown(_OTHER[0], 1, _read(1, 2)),
        _shown(_CARD[1], 2, _read(1, 3)),
    ),
    "another code begins anew": (
        _shown(_CARD[0], 0, _read(1, 3)),
        _shown("CC1:A", 1, "CC1:A"),
        _shown(_CARD[1], 2, _read(1, 3)),
    ),
    "twenty seconds without a new symbol begin anew": (
        _shown(_CARD[0], 0, _read(1, 3)),
        _shown(_CARD[1], 19.9, _read(2, 3)),
        _shown(_CARD[2], 39.9, _read(1, 3)),
    ),
    "a symbol of the card that was just whole is that card": (
        _shown(_CARD[0], 0, _read(1, 3)),
        _shown(_CARD[1], 1, _read(2, 3)),
        _shown(_CARD[2], 2, _WHOLE),
        _shown(_CARD[0], 3, _WHOLE),
    ),
}

_BOUNDS: Final = {"entries": 4, "octets": 1000, "keep_s": 600}


def _room(expect: str, more: int, **fill: Any) -> Step:
    full = {"entries": 0, "octets": 0, "acknowledged": 0, "denied": False} | fill
    return {"room": full, "octets": more, "bounds": _BOUNDS, "expect": expect}


def _drop(expect: Sequence[int] | None, decision: str | None, **more: Any) -> Step:
    stated = {"reason": None, "acknowledged": False} | more
    return {"drop": decision, **stated, "expect": expect}


def _fates(expect: Sequence[str], sent: Sequence[str], *results: tuple[str, str]) -> Step:
    stored = ("stored", "known")
    answered = [{"scan_id": s, "stored": code in stored, "code": code} for s, code in results]
    return {"sent": sent, "results": answered, "expect": expect}


OUTBOX: Final[Mapping[str, Sequence[Step]]] = {
    "what an answer means for each record": (
        _fates(
            ["acknowledged", "acknowledged", "refused", "refused", "waits"],
            ["a", "b", "c", "d", "e"],
            *(("a", "stored"), ("b", "known"), ("c", "conflict"), ("d", "malformed")),
            ("e", "retry"),
        ),
    ),
    "a word that is not known and an answer out of order change nothing": (
        _fates(["waits"], ["a"], ("a", "maybe")),
        _fates(["waits", "waits"], ["a", "b"], ("b", "stored"), ("a", "stored")),
        _fates(["acknowledged", "waits"], ["a", "b"], ("a", "stored")),
    ),
    "what goes for one more record when all is full": (
        _room("taken", 250, entries=3, octets=750),
        _room("drops", 100, entries=4, octets=400, acknowledged=2, denied=True),
        _room("drops", 251, entries=3, octets=750, denied=True),
        _room("evicts", 100, entries=4, octets=400, acknowledged=1),
        _room("lost", 100, entries=4, octets=400),
    ),
    "denials go before reviews of the same standing by age and passes never": (
        _drop(None, "pass", acknowledged=True, number=1),
        _drop(None, None, number=1),
        _drop(None, "review", reason="group.exceptions", number=1),
        _drop([0, 9], "deny", reason="status.red", acknowledged=True, number=9),
        _drop([1, 2], "deny", reason="status.red", number=2),
        _drop([1, 3], "review", reason="status.yellow", number=3),
    ),
}


def _scan(scan: int, expect: str, *uses: Step, members: Sequence[int] = ()) -> Step:
    return {"scan": scan, "uses": uses, "expect": expect, "members": members}


def _once(name: str, **more: Any) -> Step:
    return {"kind": "once", "key": name, "seconds": 600} | more


def _way(kind: str, name: str) -> Step:
    return {"kind": kind, "key": name, "seconds": 600}


def _places(count: int, limit: int) -> Step:
    return {"kind": "room", "key": "room:hall-1", "count": count, "limit": limit, "seconds": 600}


def _member(position: int, name: str) -> tuple[Step, Step]:
    return {"kind": "member", "count": position}, _once(name)


_GROUP: Final = {"kind": "group"}
USES: Final[Mapping[str, Sequence[Step]]] = {
    "a person passes once": (
        _scan(1, "fresh", _once("ANi")),
        _scan(2, "used", _once("ANi")),
        _scan(3, "fresh", _once("BEi")),
    ),
    "a repeated request gets its first answer": (
        _scan(1, "fresh", _once("ANi")),
        _scan(1, "fresh", _once("ANi")),
    ),
    "another name of the same person refuses too": (
        _scan(1, "fresh", _once("ANi")),
        _scan(2, "used", _once("A2i", also="ANi")),
    ),
    "one proof passes one way only": (
        _scan(1, "fresh", _once("ANi", shown=1_790_000_000)),
        _scan(2, "used", _once("ANo", shown=1_790_000_000)),
        _scan(3, "fresh", _once("ANo", shown=1_790_000_007)),
    ),
    "in before out and out once": (
        _scan(1, "pair", _way("leave", "AN")),
        _scan(2, "fresh", _way("enter", "AN")),
        _scan(3, "pair", _way("enter", "AN")),
        _scan(4, "fresh", _way("leave", "AN")),
        _scan(5, "pair", _way("leave", "AN")),
    ),
    "a full room refuses and whoever leaves makes a place": (
        _scan(1, "fresh", _places(2, 2)),
        _scan(2, "full", _places(1, 2)),
        _scan(3, "fresh", _places(-1, 2)),
        _scan(4, "fresh", _places(1, 2)),
    ),
    "all claims are taken or none": (
        _scan(1, "fresh", _places(2, 2)),
        _scan(2, "full", _once("ANi"), _places(1, 2)),
        _scan(3, "fresh", _once("ANi")),
    ),
    "a member who went in alone is an exception of the group": (
        _scan(1, "fresh", _once("BEi")),
        _scan(
            *(2, "part", _GROUP, *_member(1, "ANi"), *_member(2, "BEi"), *_member(3, "CHi")),
            members=(2,),
        ),
        _scan(3, "used", _once("CHi")),
    ),
    "a group of whom all had passed": (
        _scan(1, "fresh", _GROUP, *_member(1, "ANi"), *_member(2, "BEi")),
        _scan(2, "used", _GROUP, *_member(1, "ANi"), *_member(2, "BEi")),
    ),
    "a group's places count those who are admitted": (
        _scan(1, "fresh", _once("BEi")),
        _scan(
            *(2, "part", _GROUP, *_member(1, "ANi"), *_member(2, "BEi"), _places(2, 2)),
            members=(2,),
        ),
        _scan(3, "fresh", _places(1, 2)),
        _scan(4, "full", _places(1, 2)),
    ),
}
