import pytest

from runtime.http.languages import Languages

SPOKEN = Languages("fr-FR", "de")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "fr-FR"),
        ("de", "de"),
        ("DE-at", "de"),
        ("de;q=0.5, fr-CA", "fr-FR"),
        ("en, de;q=0.1", "de"),
        ("en", "fr-FR"),
        ("de;q=0", "fr-FR"),
    ],
)
def test_a_service_says_its_languages(header: str, language: str) -> None:
    """The first unless another is preferred."""
    assert SPOKEN.pick(header) == language
