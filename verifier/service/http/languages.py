"""Which language a caller reads: zh-CN unless it prefers English."""

from functools import lru_cache

from aiohttp import web

from verifier.contract.reasons import Language


def language_of(request: web.BaseRequest) -> Language:
    """Pick the language of the sentences by Accept-Language."""
    return pick_language(request.headers.get("Accept-Language", ""))


@lru_cache(maxsize=256)
def pick_language(header: str) -> Language:
    """Pick the language by the value of Accept-Language (RFC 9110 section 12.5.4)."""
    best, weight = Language.ZH, 0.0
    for part in header.split(","):
        tag, _, parameter = part.strip().lower().partition(";")
        language = {"en": Language.EN, "zh": Language.ZH}.get(tag.partition("-")[0].strip())
        value = _weight(parameter)
        if language is not None and value > weight:
            best, weight = language, value
    return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        return min(1.0, max(0.0, float(value))) if name == "q" else 1.0
    except ValueError:
        return 0.0
