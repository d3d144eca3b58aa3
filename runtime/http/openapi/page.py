"""The same document as a page for people: requests first, then the types, in Markdown."""

import textwrap
from collections.abc import Iterator
from typing import Any, Final

_HEAD: Final = """\
# {title}: what it answers over HTTP

{says} Generated from the table of routes, beside
[openapi-{name}.json](openapi-{name}.json) (OpenAPI 3.1); a test compares.
[{page}]({page}) explains what is meant and what to do about each problem.
"""
WIDTH: Final = 120
"""Characters of a line of prose."""
_NOTHING: Final = "none"
_JSON: Final = "application/json"


def page(document: dict[str, Any], name: str, explained: str) -> str:
    """Return the page of a document; `explained` is the page in docs/ that explains."""
    requests = [
        line
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        for line in _request(f"{method.upper()} {path}", operation)
    ]
    schemas = document["components"]["schemas"]
    types = [line for kind, schema in schemas.items() for line in _type(kind, schema)]
    info = document["info"]
    head = _HEAD.format(
        title=info["title"],
        says=info["summary"],
        name=name,
        page=explained.removeprefix("docs/"),
    )
    return "\n".join([head, "## Requests", *requests, "", "## Types", *types, ""])


def _request(title: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"\n### {title}\n"
    yield operation["summary"]
    yield operation["description"]
    body = operation.get("requestBody")
    if body is not None:
        yield f"Body: {_content(body['content'])}. {body['description']}"
    parameters = operation.get("parameters", ())
    if parameters:
        yield "\n| parameter | in | type | | |\n|---|---|---|---|---|"
        for one in parameters:
            needed = "required" if one["required"] else "optional"
            yield (
                f"| `{one['name']}` | {one['in']} | {_named(one['schema'])} | {needed} |"
                f" {one['description']} |"
            )
    yield "\n| status | answer | codes |\n|---|---|---|"
    for status, answer in operation["responses"].items():
        content = dict(answer.get("content", {}))
        problem = content.pop("application/problem+json", None)
        codes = problem["schema"]["properties"]["code"]["enum"] if problem else ()
        told = _content(content) if content or not problem else "problem"
        yield f"| {status} | {told} | {', '.join(f'`{code}`' for code in codes)} |"


def _prose(text: str) -> list[str]:
    """Break a paragraph into lines."""
    return textwrap.wrap(
        " ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False
    )


def _content(content: dict[str, Any]) -> str:
    """Name what a body may be."""
    return (
        " or ".join(
            f"`{kind}`" if kind != _JSON else _named(one["schema"]) for kind, one in content.items()
        )
        or _NOTHING
    )


def _type(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"\n### {name}\n"
    if "description" in schema:
        yield from _prose(schema["description"])
    if "enum" in schema:
        yield ""
        yield from _prose(f"One of {', '.join(f'`{value}`' for value in schema['enum'])}.")
    if "prefixItems" in schema:
        yield f"\nA list of {len(schema['prefixItems'])}: {_named(schema)}."
    needed = schema.get("required", ())
    if "properties" in schema:
        yield "\n| member | type | |\n|---|---|---|"
        for member, one in schema["properties"].items():
            default = f"`{one['default']}`" if one.get("default") not in (None, {}, []) else ""
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
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    kind = schema.get("type", "anything")
    if kind == "array" and isinstance(schema.get("items"), dict):
        kind = f"list of {_named(schema['items'])}"
    elif kind == "array":
        kind = f"[{', '.join(_named(one) for one in schema.get('prefixItems', ()))}]"
    elif kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        kind = f"names to {_named(schema['additionalProperties'])}"
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
