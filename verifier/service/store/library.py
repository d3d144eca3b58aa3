"""The function libraries inside Redis: whoever starts Redis loads them (`runtime.functions`).

`kapok` (claims.lua, then kapok.lua) is what a scan does,
`kapok_status` (status.lua) what happens to planes,
`kapok_held` (held.lua) what is kept of a person's credentials,
`kapok_load` (load.lua) how a list is filled in bulk,
`kapok_destroy` (destroy.lua) how a plane ends,
`kapok_acts` (acts.lua) how often people do what is counted.
"""

from importlib import resources
from typing import Final

from redis.asyncio import Redis

from runtime.functions import check_functions, versioned


def _read(file: str) -> str:
    return resources.files(__package__).joinpath(file).read_text(encoding="utf-8")


_FILES: Final = {
    "kapok": ("claims.lua", "kapok.lua"),
    "kapok_status": ("status.lua",),
    "kapok_held": ("held.lua",),
    "kapok_feeds": ("feeds.lua",),
    "kapok_load": ("load.lua",),
    "kapok_destroy": ("destroy.lua",),
    "kapok_acts": ("acts.lua",),
}
LIBRARIES: Final[dict[str, str]] = {
    name: versioned(name, "\n".join(map(_read, files))) for name, files in _FILES.items()
}
"""Name -> code, with the function that names its version."""
SCAN: Final = "kapok_scan"
UPLOAD: Final = "kapok_upload"
ANNUL: Final = "kapok_annul"
LOOK: Final = "kapok_look"
RESOLVE: Final = "kapok_resolve"
KEEP_NEWEST: Final = "kapok_keep_newest"
STEP: Final = "kapok_step"
MAKE_PLANE: Final = "kapok_make_plane"
CHANGE: Final = "kapok_change"
END_HOLD: Final = "kapok_end_hold"
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


async def check_library(redis: Redis) -> None:
    """Refuse a store that has not exactly these functions.

    Raises:
        FunctionsMissingError: it lacks some.
        RedisError: it is away.
    """
    await check_functions(redis, LIBRARIES)
