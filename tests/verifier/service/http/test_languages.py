import pytest

from verifier.contract.reasons import Language
from verifier.service.http.languages import pick_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", Language.ZH),
        ("zh-CN", Language.ZH),
        ("en", Language.EN),
        ("EN-us", Language.EN),
        ("en;q=0.9, zh;q=0.8", Language.EN),
        ("en;q=0.5, zh-Hans-CN", Language.ZH),
        ("de, en;q=0.2", Language.EN),
        ("de", Language.ZH),
        ("en;q=0", Language.ZH),
        ("en;q=nonsense", Language.ZH),
        ("en;level=1", Language.EN),
        (",,;;=", Language.ZH),
    ],
)
def test_the_language_is_the_preferred_of_ours(header: str, language: Language) -> None:
    """Chinese unless English is preferred."""
    assert pick_language(header) is language
