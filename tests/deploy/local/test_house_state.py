"""How a house stands, out of what its doors answered."""

from deploy.local.house_state import facts
from deploy.local.snapshot import FactRow
from deploy.status.answers import Answers, Heard

NOW = 1_800_000_000.0


def worker(version: int, **known: int) -> Heard:
    """Return the readiness of a worker that knows the health plane."""
    ages = {name.replace("__", "."): value for name, value in known.items()}
    named = {f"status-1-{name}": value for name, value in ages.items()}
    warned = [{"code": "grants.none", "detail": "no terminal has a grant"}]
    return Heard(
        status=200,
        body={"known": {"status-1-health": version, "profiles": 3} | named, "warnings": warned},
    )


def source(freshness: str, **more: object) -> dict[str, object]:
    """Return a source as the feeds process tells it."""
    return {"source": "hospital", "freshness": freshness, "age": 130, "breaker": "closed"} | more


def answers(*sources: dict[str, object], waiting: int = 0) -> Answers:
    """Return what the doors of a house with two workers said."""
    known = {"moved_until": int(NOW) - 7200, "waiting_hours": waiting}
    stale = {"code": "source.stale", "detail": "source hospital is stale"}
    return Answers(
        processes={
            "worker-0": worker(7, health__age=3),
            "worker-1": worker(6, health__age=5, revocation=2),
            "feeds": Heard(status=200, body={"warnings": [stale]}),
            "archive": Heard(status=200, body={"known": known}),
        },
        sources=Heard(status=200, body={"sources": sources}),
        terminals=Heard(),
        heads=Heard(),
        store=Heard(),
    )


def test_a_plane_is_said_by_the_worker_that_knows_least() -> None:
    """The older version and the greater age: what some scan may still be judged by."""
    (planes, *_) = facts(answers(), NOW)
    assert planes == FactRow(subject="planes", said="health 6 (5 s old), revocation 0 (0 s old)")


def test_a_source_that_is_stale_is_worth_a_look() -> None:
    """Its age is said; one that is fresh or was never heard of is not."""
    found = {row.subject: row for row in facts(answers(source("stale")), NOW)}
    assert found["sources"] == FactRow(
        subject="sources", said="hospital stale (2 min)", troubled=True
    )
    quiet = facts(answers(source("never", age=None)), NOW)[1]
    assert quiet == FactRow(subject="sources", said="hospital never")


def test_an_open_breaker_is_said() -> None:
    """Also of a source that is fresh."""
    row = facts(answers(source("fresh", breaker="open")), NOW)[1]
    assert (row.troubled, "breaker open" in row.said) == (True, True)


def test_hours_that_wait_for_the_archive_are_said() -> None:
    """One is on its way; two are too many."""
    for waiting, troubled in ((0, False), (1, False), (2, True)):
        row = facts(answers(waiting=waiting), NOW)[-1]
        assert (row.subject, row.troubled) == ("archive", troubled)


def test_what_did_not_answer_is_left_out() -> None:
    """The supervisor says already that a process is away."""
    nobody = {name: Heard(why="no answer") for name in ("worker-0", "feeds", "archive")}
    away = Answers(
        processes=nobody, sources=Heard(), terminals=Heard(), heads=Heard(), store=Heard()
    )
    assert facts(away, NOW) == ()
