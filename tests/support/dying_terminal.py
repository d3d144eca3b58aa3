"""A terminal that dies (SIGKILL) at a named point: `dying_terminal.py POINT --settings FILE`.

The real program; only the function that comes next at the point is replaced by the end.
"""

import os
import signal
import sys
from typing import Any, Final

from firmware_stubs.bundles import Bundles
from firmware_stubs.commands import Ring
from firmware_stubs.edge.__main__ import main
from firmware_stubs.edge.disk.facts import SqliteFacts
from firmware_stubs.edge.relay import Relay
from firmware_stubs.edge.shell import Shell

POINTS: Final[dict[str, tuple[type, str]]] = {
    "answered": (Shell, "_keep"),
    "claimed": (Shell, "_count"),
    "noted": (Shell, "_ask"),
    "opening": (Relay, "open"),
    "started": (Shell, "_act"),
    "done": (Ring, "finish"),
    "extending": (SqliteFacts, "extend"),
    "extended": (Bundles, "adopt_deltas"),
}
"""answered: the centre has, nothing is written of it · claimed: claims and record are on disk ·
noted: before the centre is asked · opening: noted that the gate opens · started: a command is ·
done: it was carried out, no result is written · extending: deltas were judged · extended: they are
on disk, and not in use."""


def _die(*_arguments: Any, **_named: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    owner, name = POINTS[sys.argv[1]]
    setattr(owner, name, _die)
    sys.exit(main(sys.argv[2:]))
