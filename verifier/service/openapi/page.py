"""The same document as a page for people: requests first, then the types, in Markdown."""

from collections.abc import Iterator
from typing import Any, Final

_HEAD: Final = """\
# The doors of a scan worker

Generated from the message types by `python -m verifier.service.openapi`, beside
[openapi-verifier.json](openapi-verifier.json) (OpenAPI 3.1); a test compares.
[http-verifier.md](http-verifier.md) explains what is meant and what to do about each problem.
"""
_BY: Final = {"key": "API key", "operator": "operator token"}
_NOTHING: Final = "none"


def page(document: dict[str, Any]) -> str:
    """Return the page of a document."""
    requests = [
        line
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        for line in _request(f"{method.upper()} {path}", operation)
    ]
    schemas = document["components"]["schemas"]
    types = [line for name, schema in schemas.items() for line in _type(name, schema)]
    return "\n".join([_HEAD, "## Requests", *requests, "", "## Types", *types, ""])


def _request(title: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"\n### {title}\n"
    yield f"{operation['summary']} {operation.get('description', 'Nobody is asked who they are.')}"
    security = [name for one in operation["security"] for name in one]
    if security:
        yield f"By {' or '.join(_BY.get(name, name) for name in security)}."
    if "requestBody" in operation:
        yield f"Body: {_content(operation['requestBody']['content'])}."
    parameters = operation.get("parameters", ())
    if parameters:
        yield "\n| parameter | in | | |\n|---|---|---|---|"
        for one in parameters:
            needed = "required" if one["required"] else "optional"
            yield f"| `{one['name']}` | {one['in']} | {needed} | {one['description']} |"
    yield "\n| status | answer | codes |\n|---|---|---|"
    for status, answer in operation["responses"].items():
        content = dict(answer.get("content", {}))
        problem = content.pop("application/problem+json", None)
        codes = problem["schema"]["properties"]["code"]["enum"] if problem else ()
        told = _content(content) if content or not problem else "problem"
        yield f"| {status} | {told} | {', '.join(f'`{code}`' for code in codes)} |"


def _content(content: dict[str, Any]) -> str:
    """Name what a body may be."""
    return (
        " or ".join(
            f"`{kind}`" if kind != "application/json" else _named(one["schema"])
            for kind, one in content.items()
        )
        or _NOTHING
    )


def _type(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"\n### {name}\n"
    if "description" in schema:
        yield " ".join(schema["description"].split())
    if "enum" in schema:
        yield "\nOne of " + ", ".join(f"`{value}`" for value in schema["enum"]) + "."
    needed = schema.get("required", ())
    if "properties" in schema:
        yield "\n| member | type | |\n|---|---|---|"
        for member, one in schema["properties"].items():
            default = f"`{one['default']}`" if one.get("default") not in (None, {}) else ""
            yield f"| `{member}` | {_named(one)} | {'required' if member in needed else default} |"


def _named(schema: dict[str, Any]) -> str:
    """Say what a value is, in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_named(one) for one in schema["anyOf"])
    if "const" in schema:
        return f"`{schema['const']}`"
    kind = schema.get("type", "anything")
    if kind == "array" and isinstance(schema.get("items"), dict):
        kind = f"list of {_named(schema['items'])}"
    elif kind == "array":
        kind = f"[{', '.join(_named(one) for one in schema.get('prefixItems', ()))}]"
    bounds = [
        f"{word} {schema[name]:,}"
        for name, word in (
            *(("minimum", "from"), ("maximum", "to")),
            *(("minLength", "from"), ("maxLength", "to")),
            *(("minItems", "from"), ("maxItems", "to")),
        )
        if name in schema and "prefixItems" not in schema
    ]
    return f"{kind} ({' '.join(bounds)})" if bounds else kind
