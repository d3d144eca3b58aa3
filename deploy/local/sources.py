"""The demo source of a first start: who plays a hospital's system on this machine (docs/feeds.md).

Its private key is the sender's and no process of the house may read it; the file that the feeds
process reads has the public one.
"""

import base64
from pathlib import Path
from typing import Final

from deploy.local.data import write_file
from deploy.local.house import API_KEY
from deploy.local.trust import LIST
from verifier.issuing import signing_key

DEMO_SOURCE: Final = "demo-hospital"
_FILE: Final = """\
# A source of status (docs/feeds.md). Read at start and on SIGHUP.
name = "{name}"
title = "The demo city's hospital"
spki = "{spki}"
callers = ["{caller}"]
list = {number}
every = 20              # seconds between two batches; an empty one says that nothing changed
stale_after = 40        # short, to be seen in a demo; a real one has minutes or hours
required = []           # planes that grow old with this source, such as ["health"]
unknown_persons = "wrong"

[scope]
health = ["green", "yellow", "red"]
"""


def sender_key(data: Path, source: str) -> Path:
    """Return the file of a sender's private key."""
    return data / "keys" / "feeds" / f"{source}.pem"


def make_demo_source(data: Path) -> None:
    """Make the demo source and its sender's key, unless they are there."""
    path, described = sender_key(data, DEMO_SOURCE), data / "feeds" / f"{DEMO_SOURCE}.toml"
    if not path.exists():
        write_file(path, signing_key.generate().to_pem())
    if not described.exists():
        spki = base64.b64encode(signing_key.load(path.read_bytes()).spki).decode()
        text = _FILE.format(name=DEMO_SOURCE, spki=spki, caller=API_KEY, number=LIST)
        write_file(described, text.encode())
