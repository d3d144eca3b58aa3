"""`python -m firmware_stubs.edge --settings FILE`: one terminal; wrong settings exit with 2."""

import argparse
import sys
from pathlib import Path
from typing import Final

import uvloop

from firmware_stubs.edge.disk.database import StateError
from firmware_stubs.edge.process import run
from firmware_stubs.edge.settings import read_settings
from firmware_stubs.storage import StorageError
from runtime.logs import open_log
from runtime.settings import SettingsError

EXIT_SETTINGS: Final = 2
EXIT_STATE: Final = 3


def main(arguments: list[str]) -> int:
    """Run the process; returns the exit status."""
    parser = argparse.ArgumentParser(prog="firmware_stubs.edge", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument(
        "--reset", action="store_true", help="forget all bundles at start; floors and outbox stay"
    )
    given = parser.parse_args(arguments)
    try:
        settings = read_settings(given.settings)
        uvloop.run(run(settings, open_log(f"terminal {settings.terminal}"), reset=given.reset))
    except SettingsError as error:
        sys.stderr.write(f"terminal: {error}\n")
        return EXIT_SETTINGS
    except StateError as error:
        sys.stderr.write(f"terminal: {error}\n")
        return EXIT_STATE
    except StorageError as error:  # while it ran
        sys.stderr.write(f"terminal: {error}: repair its disk or make room, then start it again\n")
        return EXIT_STATE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
