"""The users of our Redis: one for each role, with the keys and commands that its work needs.

A function of a library runs with the rights of whoever calls it: Redis checks each command that it
gives. So `fcall` may be wide, and what a role reads and writes stands in the other parenthesised
rules. Nobody but `loader` may load functions, and `loader` reads and writes no key. No user may
reconfigure the server: its configuration is a file (docs/keys.md, docs/store-verifier.md).
"""

from collections.abc import Mapping
from typing import Final

LOADER: Final = "loader"
"""Loads function libraries: used by whoever starts Redis, never by a service."""
STATUS: Final = "status"
"""Reads what the server says of itself: `kapok status`."""

_TAG: Final = "v:{[0-9a-f][0-9a-f]}"
"""The hash tag of a use scope: 64 of them."""
_EVERYBODY: Final = "+ping +info +config|get +time +fcall_ro"
"""Durability, room, clock and the versions of functions: every service looks at these."""
_TRANSACTION: Final = "+multi +exec +discard"


def _rules(*parts: str) -> str:
    return " ".join(("-@all", *parts))


_WORKER: Final = _rules(
    _EVERYBODY,
    f"(+fcall ~{_TAG}:i:* ~v:grants)",
    # A scan: its index, its claims, its record. Records are appended, and none is changed; but
    # XADD can cut a stream too: no access list sees options.
    f"(+hget +hset +expire ~{_TAG}:i:*)",
    f"(+get +set +del +exists +pexpiretime ~{_TAG}:u:* ~{_TAG}:p:*)",
    f"(+xadd +xrange +xrevrange ~{_TAG}:r:*)",
    f"(+get +set ~{_TAG}:c:*)",
    # Grants are signed by the fleet; a worker keeps the newest it was given, and drops what ended.
    "(+hget +hset +hdel +hgetall ~v:grants)",
    # Contradictions of terminals are counted, and a terminal with too many is refused by all.
    "(+incrby +expire ~v:contradictions:*)",
    "(+hset +hgetall ~v:suspended)",
    "+multi +exec +discard",
    # What it follows is only read.
    "(+hgetall %R~v:bundles %R~v:{status}:planes %R~v:{status}:heads)",
    "(+get %R~v:bundle:*)",
    "(+xrange +xread %R~v:{status}:deltas:*)",
)
_ISSUING: Final = _rules(
    _EVERYBODY,
    _TRANSACTION,
    "+bgrewriteaof +scan",
    "+fcall +get +set +mget +del +unlink +rename +exists +strlen +expire +expireat"
    " +getbit +setbit +bitfield +bitfield_ro +getrange +setrange"
    " +hget +hset +hsetnx +hdel +hlen +hgetall +hincrby +hmget"
    " +xadd +xtrim +xlen +xrange +xrevrange +xread"
    " +xdel +zadd +zrem +zcard +zrangebyscore +zrevrangebyscore"
    " ~v:{status}:* ~v:{bulk}:* ~v:{corrections}:* ~v:bundles ~v:bundle:*"
    " ~v:taken:* ~v:person:* ~v:credentials:* ~v:family:* ~v:made:* ~v:holder:*"
    " ~v:challenge:* ~v:challenge-used:* ~v:issued:* ~v:appointments:* ~v:groups"
    " ~v:roster-versions",
)
_FEEDS: Final = _rules(
    _EVERYBODY,
    _TRANSACTION,
    "(+fcall ~v:{corrections}:*)",
    # It stages; the issuing process checks what is staged, and changes planes.
    "(+xadd +xrange ~v:{status}:staged)",
    "(+get %R~v:{status}:feed:*)",
    "(+get +set +del ~v:{status}:fed:*)",
    "(+bitfield_ro %R~v:{status}:plane:* %R~v:{status}:erased:*)",
    "(+hget +hgetall %R~v:{status}:planes)",
    "(+hget +hset +hdel +hgetall ~v:feed-reports:*)",
    "(+hget +hset +hsetnx +hdel +hlen +hgetall ~v:{corrections}:open ~v:{corrections}:closed)",
    "(+hget %R~v:person:*)",
    "(+getbit +bitfield_ro %R~v:taken:*)",
    f"(+xrange %R~{_TAG}:r:*)",
)
_ARCHIVE: Final = _rules(
    _EVERYBODY,
    "+bgrewriteaof",
    # It takes records away that it has moved: they have no end of their own.
    f"(+xrange +unlink ~{_TAG}:r:*)",
)
_FLEET: Final = _rules(
    _EVERYBODY,
    _TRANSACTION,
    "(+fcall +get +set +del +incr +mget +hget +hset +hdel +hgetall +hmget +xadd +xrange"
    " +zadd +zrangebyscore ~f:*)",
)
USERS: Final[Mapping[str, str]] = {
    "worker": _WORKER,
    "issuing": _ISSUING,
    "feeds": _FEEDS,
    "archive": _ARCHIVE,
    "fleet": _FLEET,
    LOADER: _rules("+ping +info +function|load +function|list +fcall_ro"),
    STATUS: _rules(
        "+ping +info +dbsize +time +config|get",
        "(+hgetall %R~v:{status}:spent %R~v:{status}:refused)",
    ),
}
"""User -> rules of its line in the access list."""
