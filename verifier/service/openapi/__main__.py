"""`python -m verifier.service.openapi`: write the OpenAPI document and its page, or `--check`."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

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
    parser.add_argument("--check", action="store_true", help="write nothing; 1 on a difference")
    check = parser.parse_args(arguments).check
    differing = []
    for name, text in derived().items():
        path = root / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        differing.append(name)
        if not check:
            path.write_text(text, encoding="utf-8")
    for name in differing:
        sys.stdout.write(f"{name}: {'differs' if check else 'written'}\n")
    return 1 if check and differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(__file__).resolve().parents[3]))
