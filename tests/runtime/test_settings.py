import json
from pathlib import Path
from typing import Any

import pytest

from runtime.settings import SettingsError, read_secret, read_settings
from verifier.service.worker.settings import WorkerSettings

GOOD: dict[str, Any] = {
    "name": "worker-0",
    "redis": {"socket": "/r", "user": "verifier", "password_file": "/p"},
    "service": {"host": "127.0.0.1", "port": 1234},
    "own_port": 1235,
    "api_keys": [],
    "root": "/root.cbor",
    "person_keys": "/keys",
    "audit": "/audit",
}


KEY: dict[str, Any] = {"name": "a", "sha256": "0" * 64, "scopes": ["scan"]}


def written(folder: Path, value: Any) -> Path:
    """Write a settings file."""
    path = folder / "settings.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_settings_are_read(tmp_path: Path) -> None:
    """The doors for terminals and the fleet are optional."""
    settings = read_settings(written(tmp_path, GOOD), WorkerSettings)
    assert settings.tls is None
    assert settings.fleet is None


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("{", "settings.json"),
        (GOOD | {"own_port": 0}, "$.own_port"),
        (GOOD | {"own_port": "1"}, "$.own_port"),
        (GOOD | {"name": "Worker 0"}, "$.name"),
        (GOOD | {"more": 1}, "more"),
        (GOOD | {"api_keys": [KEY | {"scopes": ["resolve"]}]}, "$.api_keys"),
        ({key: GOOD[key] for key in GOOD if key != "root"}, "root"),
        (GOOD | {"redis": {"socket": "/r"}}, "$.redis"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, value: Any, named: str) -> None:
    """One clear line."""
    with pytest.raises(SettingsError) as found:
        read_settings(written(tmp_path, value), WorkerSettings)
    assert named in str(found.value)
    assert "\n" not in str(found.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """By its path."""
    with pytest.raises(SettingsError):
        read_settings(tmp_path / "none.json", WorkerSettings)


def test_an_empty_secret_is_none(tmp_path: Path) -> None:
    """A file that was never filled must not open anything."""
    path = tmp_path / "secret"
    path.write_text("\n")
    with pytest.raises(SettingsError):
        read_secret(str(path), "redis.password_file")
    path.write_text(" word \n")
    assert read_secret(str(path), "redis.password_file") == "word"
