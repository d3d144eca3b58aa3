"""The part of `kapok up` that runs as the caller, perhaps root: prepare, then become the account.

It decides where code and data lie, makes the data folder's outside, looks at fixed ports (root sees
who holds one), forks root's part, gives up root for good and replaces itself by `deploy.local.up`.
No child is started here, and nothing inside the data folder is touched.
"""

import os
import sys
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from deploy.local import keeper, placement, stage
from deploy.local.account import ROOT_UID, Account, become, children_account
from deploy.local.data import prepare_folder
from deploy.local.errors import UsageError
from deploy.local.house import OF_TERMINALS, Ports, UpPlan
from deploy.local.house_file import read_house_file, require_staying_ports
from deploy.local.ports import LOOPBACK, free_ports, require_free
from deploy.words.language import asked_locale

MAX_WORKERS: Final = 64
"""Scan workers of one machine; a typing error must not start a thousand processes."""
_KEPT_ENVIRONMENT: Final = ("PATH", "TERM", "COLORTERM", "NO_COLOR", "COLUMNS", "LINES", "TZ")
"""What the live view needs; nothing else of the caller's environment reaches the account."""


def plan_up(
    clone: Path,
    *,
    data: Path | None,
    ports: Ports,
    workers: int | None,
    people: int | None = None,
) -> UpPlan:
    """Decide and prepare everything that `up` needs; may be called by root.

    Raises:
        UsageError: a port is taken, the data folder cannot be used, or its house.toml is wrong.
    """
    account = children_account()
    placed = placement.place(clone, account)
    folder = placed.data if data is None else Path(os.path.abspath(data))  # noqa: PTH100 - resolve() would follow links
    found = read_house_file(folder)
    chosen = _choose(found.ports(ports), found.terminals_host)
    taken = frozenset(msgspec.structs.astuple(chosen))
    prepare_folder(folder, account)
    stage.stage(placed)
    stage.compile_code(placed.code)
    python, paths = clone / ".venv" / "bin" / "python", [clone]
    if placed.stage is not None:
        # The environment's own interpreter lies where the account cannot go.
        python, paths = Path("/usr/bin/python3"), [placed.code, placed.stage / "site-packages"]
    return UpPlan(
        data=str(folder),
        code=str(placed.code),
        python=str(python),
        pythonpath=os.pathsep.join(map(str, paths)),
        ports=chosen,
        terminals_host=found.terminals_host,
        own_ports=free_ports(_workers(workers), taken=taken),
        people=people,
    )


def run_up(plan: UpPlan, account: Account) -> NoReturn:
    """Become the account and replace this process by `up`; root leaves its part (`keeper`)."""
    environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    environment |= {
        "LANG": os.environ.get("LC_ALL") or os.environ.get("LANG") or "C.UTF-8",
        "LC_MESSAGES": asked_locale(),
        "HOME": plan.data,
        "PYTHONPATH": plan.pythonpath,
        "PYTHONSAFEPATH": "1",
        "PYTHONNOUSERSITE": "1",
    }
    sys.stdout.flush()
    if os.geteuid() == ROOT_UID:
        plan = msgspec.structs.replace(plan, of_root=True, keeper=keeper.start(account))
    become(account)
    os.chdir(plan.data)  # the caller's folder may be closed to the account
    arguments = [plan.python, "-m", "deploy.local.up", msgspec.json.encode(plan).decode()]
    os.execve(plan.python, arguments, environment)  # noqa: S606 - replacing ourselves is the point


def _choose(wanted: Ports, terminals_host: str) -> Ports:
    require_staying_ports(terminals_host, wanted)
    fixed = {name: port for name, port in msgspec.structs.asdict(wanted).items() if port}
    if len(set(fixed.values())) < len(fixed):
        raise UsageError("two of the given ports are the same; give each its own")
    for name, port in fixed.items():
        host = terminals_host if name in OF_TERMINALS else LOOPBACK
        require_free(port, f"--{name.replace('_', '-')}-port", host)
    open_names = [name for name in Ports.__struct_fields__ if name not in fixed]
    free = free_ports(len(open_names), taken=frozenset(fixed.values()))
    return msgspec.structs.replace(wanted, **dict(zip(open_names, free, strict=True)))


def _workers(wanted: int | None) -> int:
    count = len(os.sched_getaffinity(0)) if wanted is None else wanted
    if not 1 <= count <= MAX_WORKERS:
        if wanted is None:
            return MAX_WORKERS
        raise UsageError(f"--workers {count}: give a number from 1 to {MAX_WORKERS}")
    return count
