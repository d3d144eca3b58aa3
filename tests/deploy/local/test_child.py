"""What is said of a child that cannot start: the file that a person can mend."""

import asyncio
import errno
import os
import sys
from pathlib import Path

import pytest

from deploy.local import children as children_module
from deploy.local.child import Child, Confinement, TcpReady
from deploy.local.children import Children
from deploy.local.errors import ChildFailedError
from deploy.local.ports import free_ports


def confined(tmp_path: Path, code: str) -> Child:
    """Describe a process of a data folder that runs `code`."""
    data = tmp_path / "data"
    confinement = Confinement(data=data, secrets=(), credentials=data / "run" / "its")
    return Child(
        name="fleet",
        argv=(sys.executable, "-I", "-S", "-c", code),
        ready=TcpReady(ports=free_ports(1)),
        env={"PATH": os.environ["PATH"]},
        confinement=confinement,
    )


def test_a_file_that_root_restored_is_named_with_its_chown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not the program that cannot be started."""
    key = str(tmp_path / "data" / "keys" / "grant.pem")

    def closed(*_: object) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", key)

    monkeypatch.setattr(children_module.credentials, "hand_over", closed)

    async def scene() -> None:
        children = Children(logs=tmp_path, pids=tmp_path / "pids")
        try:
            await children.start([confined(tmp_path, "")])
        finally:
            await children.stop()

    with pytest.raises(ChildFailedError) as failed:
        asyncio.run(scene())
    assert key in str(failed.value)
    assert "chown -R" in str(failed.value)


def test_the_last_words_name_the_key_and_not_its_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy goes with the house; the key is what can be put back."""
    data = tmp_path / "data"
    monkeypatch.setattr(children_module.credentials, "hand_over", lambda *_: False)
    monkeypatch.setattr(children_module, "restrict", lambda _: None)
    code = f"import sys; print('no key in {data}/run/its/grant.pem'); sys.exit(2)"

    async def scene() -> None:
        children = Children(logs=tmp_path, pids=tmp_path / "pids")
        try:
            await children.start([confined(tmp_path, code)])
        finally:
            await children.stop()

    with pytest.raises(ChildFailedError, match=f"no key in {data}/keys/grant.pem"):
        asyncio.run(scene())
