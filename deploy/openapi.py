"""`python -m deploy.openapi`: write each service's OpenAPI document and its page, or `--check`.

Both are made of the service's table of routes; nothing is started for it.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fleet.service.routes import TABLE as FLEET
from runtime.http.openapi.document import document
from runtime.http.openapi.page import page
from runtime.http.operations import RouteTable
from verifier.contract.generate import keep
from verifier.service.archive.routes import TABLE as ARCHIVE
from verifier.service.feeds.routes import TABLE as FEEDS
from verifier.service.issuing.routes import TABLE as ISSUING
from verifier.service.worker.routes import TABLE as WORKER

TABLES: Final[tuple[RouteTable, ...]] = (WORKER, ISSUING, FEEDS, ARCHIVE, FLEET)
"""Of every service that answers over HTTP."""


def derived() -> Mapping[str, str]:
    """Return path within the repository -> text of every file."""
    files = {}
    for table in TABLES:
        made = document(table)
        files[f"docs/openapi-{table.name}.json"] = (
            json.dumps(made, indent=1, ensure_ascii=False) + "\n"
        )
        files[f"docs/openapi-{table.name}.md"] = page(made, table.name, table.explained)
    return files


def main(arguments: list[str], root: Path) -> int:
    """Write the files under `root`, or compare; returns the exit status."""
    parser = argparse.ArgumentParser(prog="deploy.openapi", description=__doc__)
    return keep(derived, parser, arguments, root)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(__file__).resolve().parents[1]))
