"""`python -m fleet.service --settings FILE`: the fleet's process; wrong settings exit with 2."""

import argparse
import sys
from pathlib import Path
from typing import Final

import uvloop
from redis.exceptions import RedisError

from fleet.errors import OperatorError, RegistryError
from fleet.service.run import run
from fleet.service.settings import FleetProcessSettings
from runtime.logs import open_log
from runtime.open_files import raise_open_files
from runtime.settings import SettingsError, read_settings
from runtime.store import NotDurableError

EXIT_SETTINGS: Final = 2
EXIT_STORE: Final = 3


def main(arguments: list[str]) -> int:
    """Run the process; returns the exit status."""
    parser = argparse.ArgumentParser(prog="fleet.service", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True)
    path = parser.parse_args(arguments).settings
    raise_open_files()
    try:
        settings = read_settings(path, FleetProcessSettings)
        uvloop.run(run(settings, open_log(settings.process)))
    except (SettingsError, RegistryError, OperatorError) as error:
        sys.stderr.write(f"fleet: {error}\n")
        return EXIT_SETTINGS
    except NotDurableError as error:
        sys.stderr.write(f"fleet: {error}\n")
        return EXIT_STORE
    except (RedisError, OSError) as error:
        sys.stderr.write(f"fleet: the store does not answer: {type(error).__name__}\n")
        return EXIT_STORE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
