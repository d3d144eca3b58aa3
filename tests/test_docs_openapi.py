"""The OpenAPI documents as a client generator reads them: servers, tags, licence, patterns."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from verifier.contract.scan import make_scan_id, scan_id_bytes

DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
NAMES: Final = ("verifier", "issuing", "feeds", "archive", "fleet")


def read(name: str) -> dict[str, Any]:
    """Return a document."""
    found: dict[str, Any] = json.loads((DOCS / f"openapi-{name}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_document_says_licence_and_servers(name: str) -> None:
    """The licence by its SPDX identifier; each server with every variable that it needs."""
    document = read(name)
    assert document["info"].get("license", {}).get("identifier") == "Apache-2.0"
    servers = document.get("servers", [])
    assert servers
    for server in servers:
        assert set(re.findall(r"\{(\w+)\}", server["url"])) == set(server["variables"])
    schemes = {server["url"].partition(":")[0] for server in servers}
    certificates = "certificate" in document["components"]["securitySchemes"]
    assert schemes == ({"http", "https"} if certificates else {"http"})


@pytest.mark.parametrize("name", NAMES)
def test_each_request_has_a_tag_that_is_described(name: str) -> None:
    """And each tag has a request."""
    document = read(name)
    described = {tag["name"] for tag in document.get("tags", []) if tag["description"]}
    requests = [one for ways in document["paths"].values() for one in ways.values()]
    assert [one["operationId"] for one in requests if len(one.get("tags", ())) != 1] == []
    assert {tag for one in requests for tag in one["tags"]} == described


def members(schema: Any, name: str) -> Iterator[dict[str, Any]]:
    """Yield the schemas of what is called `name`: members of types, and parameters."""
    if isinstance(schema, list):
        for one in schema:
            yield from members(one, name)
    elif isinstance(schema, dict):
        if schema.get("name") == name:
            yield schema["schema"]
        found = schema.get("properties", {})
        if name in found:
            yield from found[name].get("anyOf", (found[name],))
        for one in schema.values():
            yield from members(one, name)


def members_of(document: Any, kind: str) -> Any:
    """Return the members of a type."""
    return document["components"]["schemas"][kind]["properties"]


def test_every_scan_id_has_its_real_pattern() -> None:
    """It takes what the contract takes, and nothing else."""
    document = read("verifier")
    # The result of an upload repeats what was sent, and that it is no scan_id.
    assert members_of(document, "UploadResult")["scan_id"] == {"type": "string"}
    del document["components"]["schemas"]["UploadResult"]
    found = [one for one in members(document, "scan_id") if one.get("type") != "null"]
    assert len(found) > 8
    good = make_scan_id("hall-1", milliseconds=1_800_000_000_000, random=b"random")
    assert scan_id_bytes(good)
    bad = (good.upper(), good[:-1], good + "0", good.replace("-8", "-4", 1), "a", "")
    for one in found:
        pattern = one.get("pattern", "")
        assert re.search(pattern, good)
        assert [text for text in bad if re.search(pattern, text)] == []
