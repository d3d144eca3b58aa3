"""The folder of sources: one TOML file each, read at start and on SIGHUP.

A wrong file is named with its field and keeps the process from being ready; the source goes on as
it was last read. A source whose file is gone is gone.
"""

from collections.abc import Mapping
from pathlib import Path

from verifier.errors import SourceError
from verifier.feeds.sources import MAX_SOURCES, Source, read_source


def read_folder(
    folder: Path, list_number: int, before: Mapping[str, Source]
) -> tuple[dict[str, Source], dict[str, str]]:
    """Return the sources of list `list_number` by name, and what is wrong with which file."""
    found: dict[str, Source] = {}
    problems: dict[str, str] = {}
    if not folder.is_dir():
        return {}, {"(folder)": f"{folder} is not there"}
    for path in sorted(folder.glob("*.toml")):
        name = path.stem
        if len(found) == MAX_SOURCES:
            problems[name] = f"{path.name}: more than {MAX_SOURCES} sources"
            continue
        try:
            found[name] = _read(path, list_number)
        except (SourceError, OSError) as error:
            problems[name] = f"{path.name}: {error}"
            if name in before:
                found[name] = before[name]
    return found, problems


def _read(path: Path, list_number: int) -> Source:
    source = read_source(path.read_bytes())
    if source.name != path.stem:
        raise SourceError("name", "another name than the file's")
    if source.file.list != list_number:
        raise SourceError("list", f"this house feeds list {list_number}")
    return source
