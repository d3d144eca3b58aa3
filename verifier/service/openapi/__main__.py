"""`python -m verifier.service.openapi`: write the OpenAPI document and its page, or `--check`."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from verifier.contract.generate import keep
from verifier.service.openapi.document import document
from verifier.service.openapi.page import page


def derived() -> Mapping[str, str]:
    """Return path within the repository -> text of both files."""
    made = document()
    return {
        "docs/openapi-verifier.json": json.dumps(made, indent=1, ensure_ascii=False) + "\n",
        "docs/openapi-verifier.md": page(made),
    }


def main(arguments: list[str], root: Path) -> int:
    """Write the files under `root`, or compare; returns the exit status."""
    parser = argparse.ArgumentParser(prog="verifier.service.openapi", description=__doc__)
    return keep(derived, parser, arguments, root)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(__file__).resolve().parents[3]))
