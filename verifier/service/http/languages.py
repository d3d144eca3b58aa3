"""Which language a caller reads: zh-CN unless it prefers English."""

from aiohttp import web

from runtime.http.languages import Languages
from verifier.contract.reasons import Language

LANGUAGES = Languages(Language.ZH, Language.EN)


def language_of(request: web.BaseRequest) -> Language:
    """Pick the language of the sentences by Accept-Language."""
    return LANGUAGES.pick(request.headers.get("Accept-Language", ""))


def pick_language(header: str) -> Language:
    """Pick the language by the value of Accept-Language."""
    return LANGUAGES.pick(header)
