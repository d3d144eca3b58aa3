"""`kapok trust` as its user calls it, on a data folder where no house runs."""

import hashlib
import json
import time
from pathlib import Path

import pytest

from deploy.trust.store import key_path, read_source
from tests.support import data_folder
from tests.support.command_line import kapok
from tests.support.health import CARDS, ISSUER
from tests.support.public_vectors import public_folder
from tests.support.signers import P384, as_json, certificate, kid64, packed, pem, web_key

DER = certificate()
HOUSE_KEYS = 5
"""Keys that a first start names: issuer, status, grants, operators, exports of feeds."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data folder as a first start makes it."""
    return data_folder.made(tmp_path)


def test_an_import_is_shown_then_written(data: Path, tmp_path: Path) -> None:
    """Nothing changes without --write; the second time nothing is left to change."""
    path = tmp_path / "list.json"
    path.write_bytes(as_json({kid64(DER): packed(DER)}))
    before = read_source(data)
    assert kapok("trust", "import", path, "--data", data).code == 0
    assert read_source(data) == before
    assert kapok("trust", "import", path, "--write", "--data", data).code == 0
    after = read_source(data)
    assert after.keys[:-1] == before.keys
    assert (after.keys[-1].formats, after.lists) == (("HC1",), before.lists)
    again = kapok("trust", "import", path, "--write", "--data", data)
    assert (again.code, read_source(data)) == (0, after)
    assert "1 already there" in again.out


def test_nothing_is_applied_in_part(data: Path, tmp_path: Path) -> None:
    """One refused entry holds the others back, until it is said to leave it out."""
    strong = certificate(P384)
    path = tmp_path / "list.json"
    path.write_bytes(as_json([packed(DER), packed(strong)]))
    before = read_source(data)
    done = kapok("trust", "import", path, "--write", "--data", data)
    assert (done.code, read_source(data)) == (1, before)
    assert "refused: list.json entry 2" in done.out
    done = kapok("trust", "import", path, "--write", "--skip-refused", "--data", data)
    assert (done.code, len(read_source(data).keys)) == (1, len(before.keys) + 1)


def test_a_pinned_certificate(data: Path, tmp_path: Path) -> None:
    """Taken by its SHA-256, refused by another's."""
    path = tmp_path / "signer.pem"
    path.write_bytes(pem(DER))
    call = ("trust", "import", path, "--write", "--data", data, "--pin")
    assert kapok(*call, "00" * 32).code == 1
    assert kapok(*call, "no digest").code == 2
    assert kapok(*call, hashlib.sha256(DER).hexdigest()).code == 0
    assert len(read_source(data).keys) == HOUSE_KEYS + 1


def test_a_key_set_and_its_replacement(data: Path, tmp_path: Path) -> None:
    """A bare key needs an issuer; --replace takes what is offered no more, of that format only."""
    path = tmp_path / "jwks.json"
    path.write_bytes(as_json({"keys": [web_key(CARDS)]}))
    assert kapok("trust", "import", path, "--write", "--data", data).code == 1
    call = ("trust", "import", "--write", "--data", data, "--issuer", ISSUER)
    assert kapok(*call, path, "--until", "2030-01-01").code == 0
    assert read_source(data).keys[-1].exp == 1_893_456_000
    chain = web_key(x5c=[packed(certificate(CARDS, address=ISSUER))])
    path.write_bytes(as_json({"keys": [chain]}))
    assert "1 changed" in kapok(*call, path).out
    assert len(read_source(data).keys) == HOUSE_KEYS + 1


def test_the_public_certificates(data: Path, tmp_path: Path) -> None:
    """All that the EU's test data carry are taken, but for those of another curve."""
    found = set()
    for path in public_folder("dcc"):
        context = json.loads(path.read_bytes()).get("TESTCTX", {})
        found.add(context.get("CERTIFICATE"))
    found -= {None, ""}
    (tmp_path / "all.json").write_bytes(as_json(sorted(found)))
    call = ("trust", "import", tmp_path / "all.json", "--write", "--skip-refused", "--data", data)
    kapok(*call)
    assert len(read_source(data).keys) > 40


def test_show(data: Path) -> None:
    """Root, source, and that no bundle is in force; the JSON has the same."""
    done = kapok("trust", "show", "--data", data)
    assert done.code == 0
    found = json.loads(kapok("trust", "show", "--json", "--data", data).out)
    assert (found["root"]["version"], found["in_force"]) == (1, None)
    assert len(found["source"]) == HOUSE_KEYS
    assert {row["when"] for row in found["source"]} == {"in force"}
    assert all(row["kid"] in done.out for row in found["source"])


def test_rotate_an_issuer(data: Path) -> None:
    """Three steps, each saying what comes next."""
    for options in ((), ("--switch",), ("--finish",)):
        done = kapok("trust", "rotate", "issuer", *options, "--data", data)
        assert (done.code, done.err) == (0, "")
    assert len(read_source(data).keys) == HOUSE_KEYS
    assert not key_path(data, "issuer.old").exists()


def test_a_clock_step(data: Path) -> None:
    """Shown, then written; each has the next epoch, and the time of now."""
    assert kapok("trust", "clock", "--data", data).code == 0
    assert read_source(data).clock is None
    for epoch in (1, 2):
        done = kapok("trust", "clock", "--write", "--data", data)
        assert (done.code, done.err) == (0, "")
        step = read_source(data).clock
        assert step is not None
        assert (step.epoch, abs(step.floor - time.time()) < 60) == (epoch, True)
    assert kapok("trust", "rotate", "issuer", "--data", data).code == 0
    assert read_source(data).clock == step


def test_sign_a_root(data: Path, tmp_path: Path) -> None:
    """With the house's own key; without enough signatures nothing is written."""
    (tmp_path / "root.toml").write_text(
        'days = 9\nthreshold = 1\nroot_keys = ["data/keys/root.pem"]\n'
        'bundle_keys = ["data/keys/bundle.pem"]\n'
    )
    call = ("trust", "sign", tmp_path / "root.toml", "--out", tmp_path / "new.cbor")
    previous = ("--previous", data / "trust" / "root.cbor")
    assert kapok(*call, *previous, "--key", key_path(data, "grant")).code == 1
    assert not (tmp_path / "new.cbor").exists()
    assert kapok(*call, *previous, "--key", key_path(data, "root")).code == 0
    assert (tmp_path / "new.cbor").stat().st_mode & 0o777 == 0o600
    assert kapok(*call, *previous, "--key", key_path(data, "root")).code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("import", "/nowhere"),
        ("import",),
        ("show", "--data", "/nowhere"),
        ("rotate", "nobody"),
        ("rotate", "issuer", "--switch", "--finish"),
        ("rotate", "issuer", "--data", "/nowhere"),
        ("rotate", "bundle", "--root-key", "/nowhere"),
        ("sign", "/nowhere", "--key", "/nowhere", "--out", "/nowhere/x"),
    ],
)
def test_a_wrong_call(arguments: tuple[str, ...], data: Path) -> None:
    """Exit 2, one line."""
    given = () if "--data" in arguments or arguments[0] == "sign" else ("--data", data)
    done = kapok("trust", *arguments, *given)
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err
