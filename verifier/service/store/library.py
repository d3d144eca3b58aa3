"""The function library `kapok` inside Redis: loaded when what is there differs from kapok.lua."""

from importlib import resources
from typing import Any, Final

from redis.asyncio import Redis

LIBRARY: Final = resources.files(__package__).joinpath("kapok.lua").read_text(encoding="utf-8")
SCAN: Final = "kapok_scan"
UPLOAD: Final = "kapok_upload"
ANNUL: Final = "kapok_annul"
LOOK: Final = "kapok_look"
RESOLVE: Final = "kapok_resolve"
KEEP_NEWEST: Final = "kapok_keep_newest"


async def ensure_library(redis: Redis) -> bool:
    """Load the library unless exactly this one is there; return whether it was loaded."""
    found: Any = await redis.function_list(library="kapok", withcode=True)
    if any(LIBRARY.encode() in row for row in found):
        return False
    await redis.function_load(LIBRARY, replace=True)
    return True
