"""`kapok verify` as its user calls it: exit codes, lines and table, keys and profile, bad calls."""

import io
import json
import re
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from deploy.local.places import DEMO
from tests.support import data_folder
from tests.support.command_line import kapok
from tests.support.foreign import rule
from tests.support.health import CARDS, COUNTRY, card_text, chunks, health_text
from tests.support.public_vectors import public_file
from tests.support.samples import sample_files
from tests.support.signers import as_json, pem, web_key
from tests.support.verifier_process import ROOT
from verifier.barcode.render import symbol, to_png
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
    assert (done.code, [one["outcome"] for one in found]) == (0, ["genuine"] * 3)
    assert [one["format"] for one in found] == ["HC1", "SHC", "SHC"]


def test_the_line_of_the_readme_passes_as_it_stands() -> None:
    """With the keys and codes of the repository, which are what their maker makes."""
    line = re.search(r"^\./kapok (verify [^#]*)#", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert line is not None
    arguments = [str(ROOT / word) if "/" in word else word for word in line[1].split()]
    done = kapok(*arguments)
    assert (done.code, "5 of 5 are good" in done.out) == (0, True), done
    kept = [ROOT / "docs" / "samples" / name for name in dict(sample_files())]
    assert [path.read_bytes() for path in kept if path.suffix != ".png"] == [
        data for name, data in sample_files() if not name.endswith(".png")
    ]


def documents() -> dict[str, bytes]:
    """Return files that are no picture and no text, as people hand them in."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("code.txt", "CC1:")
    gif = io.BytesIO()
    Image.new("L", (8, 8)).save(gif, "GIF")
    lines = b"\n".join(b"%d 0 obj <<>> endobj" % n for n in range(150))
    return {
        "PDF": b"%PDF-1.7\n" + lines,
        "PDF after a mail's lines": b"Content-Type: x\n\n%PDF-1.4\n" + lines,
        "ZIP": archive.getvalue(),
        "GIF": gif.getvalue(),
        "HEIC": b"\0\0\0\x18ftypheic" + bytes(200) + b"\n" * 90,
        "binary": bytes(range(256)) * 20,
        "web page": b"<!DOCTYPE html>\n" + b"<p>\n" * 200,
        "JSON": b"{\n" + b'"a": 1,\n' * 100 + b"}\n",
        "UTF-16": "CC1:\n".encode("utf-16") * 50,
        "text": b"Dear all,\nthe code is in the attachment.\n" * 60,
        "text in GBK": "编号,颜色\n".encode("gbk") * 90,
    }


@pytest.mark.parametrize("kind", documents())
def test_a_file_that_is_no_picture_and_no_text_is_one_row(
    keys: Path, tmp_path: Path, kind: str
) -> None:
    """It says what it is, and what to do; so does `inspect`."""
    path = tmp_path / "file"
    path.write_bytes(documents()[kind])
    done = kapok("verify", path, "--trust", keys, "--json")
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert (done.code, [row["outcome"] for row in rows]) == (1, ["deny"])
    assert rows[0]["reason"] == "file.unsupported"
    assert kind.split(maxsplit=1)[0] in rows[0]["sentence"]["en"]
    assert all(rows[0]["sentence"].values())
    inspected = kapok("inspect", path, "--trust", keys)
    assert (inspected.code, "file.unsupported" in inspected.out) == (1, True)


def test_each_kind_of_file_is_said(keys: Path, tmp_path: Path) -> None:
    """Two files of one reason: a sentence for each, once."""
    for name, kind in (("a", "PDF"), ("b", "GIF"), ("c", "PDF")):
        (tmp_path / name).write_bytes(documents()[kind])
    done = kapok("verify", *(tmp_path / name for name in "abc"), "--trust", keys)
    said = " ".join(done.out.split())
    assert (said.count("PDF document"), said.count("of the kind GIF")) == (1, 1)


def test_a_picture_that_cannot_be_looked_at_says_why(keys: Path, tmp_path: Path) -> None:
    """As the doors do: a bound that was met, or damage; never that there is no code."""
    good = to_png(symbol(health_text()))
    tall = io.BytesIO()
    Image.new("1", (10, 9000)).save(tall, "PNG")
    for data, reason in ((good[:200], "truncated"), (tall.getvalue(), "too_many_pixels")):
        path = tmp_path / "code.png"
        path.write_bytes(data)
        row = json.loads(kapok("verify", path, "--trust", keys, "--json").out)
        assert row["reason"] == f"picture.{reason}"


def test_lines_of_json_give_their_texts(keys: Path) -> None:
    """Of a bulk's results and of conformance cases; a line without a text is none."""
    rows = [{"line": 2, "text": health_text()}, {"line": 3, "person": 1}, {"texts": chunks(2)}]
    lines = "\n".join(map(json.dumps, rows)).encode()
    done = kapok("verify", "-", "--trust", keys, "--at", AT, "--json", stdin=lines)
    found = [json.loads(line) for line in done.out.splitlines()]
    assert [(one["outcome"], one["format"]) for one in found] == [
        ("genuine", "HC1"),
        ("genuine", "SHC"),
    ]


@pytest.mark.parametrize(("before", "after"), [("]Q1", "\r"), ("\\000026", "\t"), ("\x02", "\x03")])
def test_what_a_scanner_typed_into_a_file_passes(keys: Path, before: str, after: str) -> None:
    """And `inspect` says that something was taken off."""
    typed = before + health_text() + after
    call = ("--trust", keys, "--at", AT)
    assert kapok("verify", "-", *call, stdin=typed.encode()).code == 0
    assert kapok("verify", typed, *call).code == 0
    assert json.loads(kapok("inspect", typed, *call, "--json").out)["hints"]


def test_one_does_not_pass(keys: Path, tmp_path: Path) -> None:
    """Exit 1; the table names each; the folder's own text is not printed."""
    codes = tmp_path / "codes"
    codes.mkdir()
    (codes / "good").write_text(health_text())
    (codes / "bad").write_text(health_text()[:-3])
    done = kapok("verify", codes, "--trust", keys, "--at", AT)
    assert (done.code, done.err) == (1, "")
    assert "1 of 2 are good" in done.out
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
        ("HC1:A", "--profile", "hall-1"),
        ("HC1:A", "--place", "hall-1"),
        ("HC1:A", "--place", "hall-1", "--profile", "x.toml"),
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


def test_the_rules_of_a_place(keys: Path, tmp_path: Path) -> None:
    """They come from a folder as a house has it; a wrong file or no profile is a wrong call."""
    profile, rules = tmp_path / "place.toml", tmp_path / "rules"
    rules.mkdir()
    profile.write_text(
        'place = "hall-1"\nstance = "closed"\nformats = ["HC1"]\nstatic = ["HC1"]\n'
        'rules = { country = "XX" }\n'
    )
    call = ("verify", health_text(), "--trust", keys, "--at", AT, "--json", "--rules", rules)
    for logic, expected in (({"===": [1, 1]}, (0, None)), ({"===": [1, 2]}, (1, "rule.failed"))):
        (rules / "a.json").write_text(rule(1, logic))
        done = kapok(*call, "--profile", profile)
        assert done.err == ""
        assert (done.code, json.loads(done.out)["reason"]) == expected
    (rules / "a.json").write_text("?")
    assert kapok(*call, "--profile", profile).code == 2
    assert kapok(*call).code == 2


def test_the_place_that_the_page_names_is_one_of_the_house() -> None:
    """Whoever copies the line of docs/trust.md is not told that there is no such place."""
    named = re.findall(r"`--place ([a-z0-9-]+)`", (ROOT / "docs" / "trust.md").read_text())
    assert named
    assert set(named) <= {one.place for one in DEMO}
