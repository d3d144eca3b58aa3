"""`kapok verify` as its user calls it: exit codes, lines and table, keys and profile, bad calls."""

import json
from pathlib import Path

import pytest

from tests.support import data_folder
from tests.support.command_line import kapok
from tests.support.health import CARDS, COUNTRY, card_text, chunks, health_text
from tests.support.public_vectors import public_file
from tests.support.signers import as_json, pem, web_key
from verifier.contract.reasons import Reason

AT = "2023-11-14T22:13:20Z"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Return a folder with the keys of both foreign formats."""
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "country.pem").write_bytes(pem(COUNTRY.spki, "PUBLIC KEY"))
    (folder / "cards.json").write_bytes(as_json({"keys": [web_key(CARDS)]}))
    return folder


def test_all_pass(keys: Path) -> None:
    """Exit 0; one line for each code; chunks of one card are one."""
    lines = "\n".join((health_text(), *chunks(3), card_text())).encode()
    done = kapok("verify", "-", "--trust", keys, "--at", AT, "--json", stdin=lines)
    found = [json.loads(line) for line in done.out.splitlines()]
    assert (done.code, [one["outcome"] for one in found]) == (0, ["pass"] * 3)
    assert [one["format"] for one in found] == ["HC1", "SHC", "SHC"]


def test_one_does_not_pass(keys: Path, tmp_path: Path) -> None:
    """Exit 1; the table names each; the folder's own text is not printed."""
    codes = tmp_path / "codes"
    codes.mkdir()
    (codes / "good").write_text(health_text())
    (codes / "bad").write_text(health_text()[:-3])
    done = kapok("verify", codes, "--trust", keys, "--at", AT)
    assert (done.code, done.err) == (1, "")
    assert "1 of 2 pass" in done.out
    assert Reason.CODE_MALFORMED in done.out
    assert health_text() not in done.out


def test_at_a_place(keys: Path, tmp_path: Path) -> None:
    """A profile that does not take the format."""
    profile = tmp_path / "place.toml"
    profile.write_text('place = "hall-1"\nstance = "closed"\nformats = ["CC1"]\n')
    call = ("verify", health_text(), "--trust", keys, "--at", AT, "--json")
    done = kapok(*call, "--profile", profile)
    assert (done.code, json.loads(done.out)["reason"]) == (1, Reason.PLACE_FORMAT)
    profile.write_text("place = 7\n")
    assert kapok(*call, "--profile", profile).code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-file",),
        ("HC1:A", "--at", "yesterday"),
        ("HC1:A", "--profile", "/nowhere"),
        ("HC1:A", "--trust", "/nowhere"),
        ("HC1:A", "--data", "/nowhere"),
        ("HC1:A", "--nope"),
        ("-",),
    ],
)
def test_a_wrong_call(arguments: tuple[str, ...], keys: Path) -> None:
    """Exit 2 and one line, nothing on standard output."""
    given = () if {"--trust", "--data"} & set(arguments) else ("--trust", keys)
    done = kapok("verify", *arguments, *given)
    assert (done.code, done.out) == (2, "")
    assert done.err.strip()


def test_keys_that_are_none(tmp_path: Path) -> None:
    """A folder that offers no key is no trust; house and keys at once is a wrong call."""
    (tmp_path / "text").write_text("hello")
    assert kapok("verify", "HC1:A", "--trust", tmp_path).code == 2
    assert kapok("verify", "HC1:A", "--trust", tmp_path, "--data", tmp_path).code == 2


def test_a_house_that_is_not_up(tmp_path: Path) -> None:
    """Its trust source is used, and that is said."""
    data = data_folder.made(tmp_path)
    (data / "run" / "endpoints.json").write_text(
        json.dumps(
            {
                "redis_socket": "",
                "mqtt_host": "",
                "mqtt_port": 1,
                "mqtt_service_port": 1,
                "verifier_url": "http://127.0.0.1:9",
                "verifier_tls_url": "",
                "issuing_url": "",
                "fleet_url": "",
                "api_keys": {"local-admin": str(data / "keys" / "api" / "local-admin.key")},
                "terminals": {},
            }
        )
    )
    (data / "keys" / "api" / "local-admin.key").write_text("key")
    done = kapok("verify", health_text(), "--data", data, "--at", AT, "--json")
    assert (done.code, json.loads(done.out)["reason"]) == (1, Reason.TRUST_UNKNOWN_KEY)
    assert done.err.strip()


def test_public_cards(tmp_path: Path) -> None:
    """Every published example, chunks line by line, by the published key set."""
    vectors = json.loads(public_file("shc/shc-vectors.json").read_bytes())
    (tmp_path / "jwks.json").write_bytes(as_json(vectors["issuer_jwks"]))
    texts = [text for example in vectors["valid_examples"] for text in example["qr_numeric"]]
    call = ("verify", "-", "--trust", tmp_path / "jwks.json", "--at", "2024-05-31", "--json")
    done = kapok(*call, stdin="\n".join(texts).encode())
    assert done.code == 0
    assert len(done.out.splitlines()) == len(vectors["valid_examples"])
