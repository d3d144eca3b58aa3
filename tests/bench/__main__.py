"""`python -m tests.bench [group...]`: what `kapok bench` runs."""

import sys
from collections.abc import Callable
from typing import Final

from tests.bench import cli, core, hc1, http, peer, status, store, terminal

GROUPS: Final[dict[str, Callable[[], None]]] = {
    "cli": cli.run,
    "core": core.run,
    "hc1": hc1.run,
    "http": http.run,
    "peer": peer.run,
    "status": status.run,
    "store": store.run,
    "terminal": terminal.run,
}


def main(names: list[str]) -> int:
    """Run the groups named, or all; 2 for a name that is none."""
    unknown = [name for name in names if name not in GROUPS]
    if unknown:
        print(f"bench: no group {unknown[0]}; there are {', '.join(GROUPS)}", file=sys.stderr)  # noqa: T201
        return 2
    for name in names or GROUPS:
        GROUPS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
