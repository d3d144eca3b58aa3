"""The function libraries inside Redis: loaded when what is there differs from our files.

`kapok` (kapok.lua) is what a scan does, `kapok_status` (status.lua) what happens to planes,
`kapok_held` (held.lua) what is kept of a person's credentials,
`kapok_load` (load.lua) how a list is filled in bulk,
`kapok_destroy` (destroy.lua) how a plane ends,
`kapok_acts` (acts.lua) how often people do what is counted.
"""

from collections.abc import Mapping
from importlib import resources
from typing import Any, Final

from redis.asyncio import Redis


def _read(file: str) -> str:
    return resources.files(__package__).joinpath(file).read_text(encoding="utf-8")


LIBRARIES: Final[Mapping[str, str]] = {
    "kapok": _read("kapok.lua"),
    "kapok_status": _read("status.lua"),
    "kapok_held": _read("held.lua"),
    "kapok_feeds": _read("feeds.lua"),
    "kapok_load": _read("load.lua"),
    "kapok_destroy": _read("destroy.lua"),
    "kapok_acts": _read("acts.lua"),
}
"""Name -> code."""
SCAN: Final = "kapok_scan"
UPLOAD: Final = "kapok_upload"
ANNUL: Final = "kapok_annul"
LOOK: Final = "kapok_look"
RESOLVE: Final = "kapok_resolve"
KEEP_NEWEST: Final = "kapok_keep_newest"
MAKE_PLANE: Final = "kapok_make_plane"
CHANGE: Final = "kapok_change"
PUBLISH: Final = "kapok_publish"
START_OVER: Final = "kapok_start_over"
LAY: Final = "kapok_lay"
HOLD: Final = "kapok_hold"
HELD: Final = "kapok_held"
TAKE_OVER: Final = "kapok_take_over"
CARRY: Final = "kapok_carry"
RELEASE: Final = "kapok_release"
OBSERVE: Final = "kapok_observe"
CLOSE_CASE: Final = "kapok_close_case"
LOAD_PLANE: Final = "kapok_load_plane"
LOAD_PERSONS: Final = "kapok_load_persons"
CONDEMN: Final = "kapok_condemn"
SPEND: Final = "kapok_spend"


async def ensure_library(redis: Redis) -> bool:
    """Load the libraries unless exactly these are there; return whether any was loaded."""
    loaded = False
    for name, code in LIBRARIES.items():
        found: Any = await redis.function_list(library=name, withcode=True)
        if not any(code.encode() in row for row in found):
            await redis.function_load(code, replace=True)
            loaded = True
    return loaded
