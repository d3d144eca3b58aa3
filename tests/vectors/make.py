"""Make the vectors: a JSON a case in accept/, reject/, sequences/; `--check` only compares.

What the cases are stands in cases.py and sequences.py, the format in README.md. Keys, times and
random bytes are fixed and ECDSA is deterministic (RFC 6979), so a second run changes nothing.
Pictures are compared after decoding: another PNG encoder is no difference.
"""

import argparse
import base64
import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = Path(__file__).resolve().parent
FOLDERS: Final = ("accept", "reject", "sequences")


def written(document: Mapping[str, Any]) -> str:
    """Write a vector as JSON that reads well in a diff."""
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def same(path: Path, document: Mapping[str, Any]) -> bool:
    """Say whether a file holds this vector; pictures count by their pixels."""
    if not path.is_file():
        return False
    text = path.read_text(encoding="utf-8")
    if text == written(document):
        return True
    kept = json.loads(text)
    if "png" not in document or "png" not in kept:
        return False
    decoded = importlib.import_module("verifier.barcode.decoded")
    frames = [decoded.read_picture(base64.b64decode(v["png"])) for v in (kept, document)]
    alike = frames[0].shape == frames[1].shape and bool((frames[0] == frames[1]).all())
    return alike and written(dict(kept) | {"png": document["png"]}) == written(document)


def main(arguments: list[str]) -> int:
    """Write what differs, remove what is no case any more, or with `--check` name both."""
    parser = argparse.ArgumentParser(prog="tests/vectors/make.py", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 on a difference"
    )
    check = parser.parse_args(arguments).check
    sys.path.insert(0, str(ROOT))
    cases = {
        FOLDER / f"{doc['id']}.json": doc
        for doc in importlib.import_module("tests.vectors.cases").cases()
    }
    cases |= {
        FOLDER / f"{doc['id']}.json": doc
        for doc in importlib.import_module("tests.vectors.sequences").sequence_cases()
    }
    kept = {path for folder in FOLDERS for path in (FOLDER / folder).glob("*.json")}
    differing = sorted(path for path, document in cases.items() if not same(path, document))
    stray = sorted(kept - cases.keys())
    for path in (*differing, *stray):
        sys.stdout.write(f"{path.relative_to(ROOT)}: {'differs' if check else 'made again'}\n")
    if check:
        return 1 if differing or stray else 0
    for path in differing:
        path.parent.mkdir(exist_ok=True)
        path.write_text(written(cases[path]), encoding="utf-8")
    for path in stray:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
