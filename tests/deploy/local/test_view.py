"""What a person sees of a snapshot: drawn, not asked; the doors behind it are tested elsewhere."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from deploy.local.child import ChildState, ChildStatus
from deploy.local.snapshot import (
    DecisionRow,
    FactRow,
    ProblemRow,
    Severity,
    Snapshot,
    TerminalRow,
)
from deploy.local.view import LiveView, PlainView, open_view, panels
from deploy.words.phrase import Phrase
from verifier.contract.reasons import Language

ROW = DecisionRow(
    scan_id="0",
    at=1_800_000_000.0,
    place="metro-east",
    terminal="transit-1",
    code_format="CC1",
    decision="deny",
    reason="use.replayed",
    sentence="This code was already used here; ask for a new one.",
    milliseconds=3.7,
    offline=True,
)
HOUSE = Snapshot(
    decisions=tuple(replace(ROW, scan_id=str(number)) for number in range(100)),
    terminals=(
        TerminalRow(name="hall-1", presence="online", network="online", outbox=0, bundles="root 1"),
        TerminalRow(name="transit-1"),
    ),
    problems=(
        ProblemRow(who="fleet", sentence="shards are waiting", severity=Severity.TROUBLED),
        ProblemRow(who="redis", sentence="was killed by signal 9", severity=Severity.DOWN),
    ),
    facts=(
        FactRow(subject="planes", said="health 28 (3 s old)"),
        FactRow(subject="sources", said="hospital stale (4 min)", troubled=True),
    ),
    children=(
        ChildStatus(
            name="redis", state=ChildState.RESTARTING, pid=None, restarts=1, problem="killed"
        ),
    ),
)


def drawn(snapshot: Snapshot, *, width: int, height: int) -> list[str]:
    """Return the lines of a screen of this size."""
    console = Console(file=io.StringIO(), width=width, height=height, record=True)
    console.print(panels(snapshot, ("verifier http://127.0.0.1:1",), height=height), height=height)
    return console.export_text().splitlines()


@pytest.mark.parametrize(
    ("width", "height"), [(80, 24), (120, 40), (200, 60), (40, 12), (20, 12), (20, 3)]
)
def test_the_panels_fit_the_screen(width: int, height: int) -> None:
    """No line is longer than the screen, no screen has more lines than it may."""
    lines = drawn(HOUSE, width=width, height=height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width


def test_the_panels_show_all_three_kinds() -> None:
    """Decisions, terminals and what is wrong are on an ordinary screen; the worst problem first."""
    text = "\n".join(drawn(HOUSE, width=120, height=30))
    for word in (
        "metro-east",
        "deny",
        "use.replayed",
        "offline",
        "hall-1",
        "online",
        "signal 9",
        "shards",
    ):
        assert word in text
    assert text.index("signal 9") < text.index("shards")


def test_how_the_house_stands_is_shown_where_there_is_room() -> None:
    """Planes, sources and archive are a line each; on a small screen decisions go before."""
    large, small = ("\n".join(drawn(HOUSE, width=80, height=height)) for height in (28, 24))
    for word in ("health 28 (3 s old)", "hospital stale (4 min)"):
        assert word in large
        assert word not in small


def test_the_view_speaks_chinese() -> None:
    """Panels and lines: no English is left but names, codes and commands."""
    spoken = replace(
        HOUSE,
        decisions=tuple(replace(row, sentence="此码已用过。") for row in HOUSE.decisions[:2]),
        terminals=(
            replace(HOUSE.terminals[0], presence=Phrase("flapping"), network=Phrase("cut off")),
            HOUSE.terminals[1],
        ),
        problems=(
            ProblemRow(
                who="redis",
                sentence=Phrase("was killed by signal {number}", number=9),
                severity=Severity.DOWN,
            ),
        ),
        facts=(),
    )
    console = Console(file=io.StringIO(), width=120, height=30, record=True)
    drawing = panels(spoken, (), height=30, language=Language.ZH)
    console.print(drawing, height=30)
    console.print(panels(Snapshot(), (), height=30, language=Language.ZH), height=30)
    file = io.StringIO()
    PlainView(Console(file=file, width=200), Language.ZH).show(spoken)
    text = console.export_text() + file.getvalue()
    for word in (
        "判定",
        "拒绝",
        "被信号 9 终止",
        "反复掉线",
        "已断网",
        "离线",
        "终端 hall-1 反复掉线",
    ):
        assert word in text
    data = {"kapok", "Ctrl", "demo", "root", "hall", "transit", "metro", "east", "use", "replayed"}
    assert set(re.findall(r"[A-Za-z]{2,}", text)) - data == {"redis", "CC"}


def test_an_empty_house_says_so() -> None:
    """A person who has just started it is told how to get decisions."""
    assert any("kapok demo" in line for line in drawn(Snapshot(), width=80, height=24))


def test_lines_are_printed_once() -> None:
    """Where there is no terminal, each event is one line, however often it is shown."""
    file = io.StringIO()
    view = open_view(Console(file=file, width=40), ())
    assert isinstance(view, PlainView)
    small = replace(HOUSE, decisions=HOUSE.decisions[:2])
    view.show(small)
    view.show(small)
    lines = file.getvalue().splitlines()
    assert sum("deny metro-east CC1 4 ms offline" in line for line in lines) == 2
    assert sum("terminal hall-1 is online" in line for line in lines) == 1
    assert sum("problem fleet" in line for line in lines) == 1
    view.show(replace(small, problems=()))
    assert file.getvalue().splitlines()[-1].endswith("problem fleet: over")


def test_lines_say_what_status_finds_of_a_process_and_of_a_terminal() -> None:
    """That a child comes and goes the supervisor prints; what it warns of nobody else does."""
    file = io.StringIO()
    view = open_view(Console(file=file, width=200), ())
    children = tuple(
        ChildStatus(name=name, state=ChildState.READY, pid=1, restarts=0, problem=None)
        for name in ("worker-0", "hall-1")
    )

    def row(who: str, sentence: str, code: str) -> ProblemRow:
        return ProblemRow(who=who, sentence=sentence, severity=Severity.TROUBLED, code=code)

    found = (
        row("worker-0", "clock.ahead: by 90 s", "clock.ahead"),
        row("hall-1", "cut off by hand", "terminal.cut"),
        row("worker-0, hall-1", "was started again 4 s ago", "process.restarted"),
    )
    view.show(replace(HOUSE, decisions=(), terminals=(), problems=found, children=children))
    lines = [line.partition(" ")[2] for line in file.getvalue().splitlines()]
    assert sorted(lines) == [
        "problem hall-1: cut off by hand",
        "problem worker-0: clock.ahead: by 90 s",
    ]


def test_a_line_is_not_printed_again_for_its_seconds_or_its_company() -> None:
    """Two workers may say the same for a while; neither is over before it is."""
    file = io.StringIO()
    view = open_view(Console(file=file, width=200), ())

    def look(*found: tuple[str, str]) -> None:
        rows = tuple(
            ProblemRow(who=who, sentence=said, severity=Severity.TROUBLED, code="plane.behind")
            for who, said in found
        )
        view.show(Snapshot(problems=rows))

    look(("doses, health", "seen 4 s ago"))
    look(("doses", "seen 8 s ago"), ("health", "seen 9 s ago"))
    look(("doses", "seen 12 s ago"))
    look(("doses", "seen 15 s ago"))
    look()
    lines = [line.partition(" ")[2] for line in file.getvalue().splitlines()]
    assert lines == [
        "problem doses, health: seen 4 s ago",
        "problem health: over",
        "problem doses: over",
    ]


def test_a_terminal_gets_panels_and_gets_its_screen_back() -> None:
    """The alternate screen is entered, and left at the end."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80, height=24, legacy_windows=False)
    view = open_view(console, ("here",))
    assert isinstance(view, LiveView)
    view.show(HOUSE)
    view.close()
    assert file.getvalue().index("\x1b[?1049h") < file.getvalue().index("\x1b[?1049l")


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_what_cannot_be_drawn_is_printed_as_lines(columns: int) -> None:
    """Joiners before wide letters cannot be cut to a narrow screen; lines say the same."""
    file = io.StringIO()
    console = Console(
        file=file, force_terminal=True, width=columns, height=24, legacy_windows=False
    )
    view = open_view(console, ("here",))
    odd = ProblemRow(who="fleet", sentence=20 * "\u200d\u200d数据x", severity=Severity.DOWN)
    failed: Exception | None = None
    for number in range(2):
        row = replace(ROW, scan_id=f"of look {number}", place=f"place-{number}")
        try:
            view.show(replace(HOUSE, decisions=(row,), problems=(odd,)))
        except (IndexError, ZeroDivisionError) as error:
            failed = error
    view.close()
    assert failed is None
    after = file.getvalue().rpartition("\x1b[?1049l")[2]
    assert "place-0" in after
    assert "place-1" in after


def test_markup_in_a_sentence_is_only_text() -> None:
    """A place named like a style is shown, not obeyed."""
    odd = replace(ROW, place="[red]x", sentence="[bold]y")
    text = "\n".join(drawn(Snapshot(decisions=(odd,)), width=120, height=24))
    assert "[red]x" in text
    assert "[bold]y" in text
