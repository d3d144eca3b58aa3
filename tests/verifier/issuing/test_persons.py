"""References: one normal form, a keyed digest, nothing of it in what is printed or raised."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.contract.errors import MalformedError
from verifier.issuing.persons import DIGEST_BYTES, ReferenceKey, normalise

SECRET = bytes(range(32))
KEY = ReferenceKey(SECRET)
REFERENCE = "11010519491231002X"


def test_a_digest_is_the_documented_one() -> None:
    """HMAC-SHA256 of the normal form, the first 16 bytes."""
    wanted = hmac.new(SECRET, REFERENCE.encode(), hashlib.sha256).digest()[:16]
    assert KEY.digest(REFERENCE) == wanted
    assert len(wanted) == DIGEST_BYTES


@pytest.mark.parametrize(
    "spelling",
    [
        "11010519491231002x",
        "  11010519491231002X\n",
        "１１０１０５１９４９１２３１００２Ｘ",
        "\u300011010519491231002x\u00a0",
    ],
)
def test_spellings_of_one_reference_are_one_person(spelling: str) -> None:
    """Full-width digits, lower case, spaces around."""
    assert KEY.digest(spelling) == KEY.digest(REFERENCE)


def test_a_reference_may_hold_what_unicode_has_had_since_2022() -> None:
    """Whatever release of Unicode the interpreter has."""
    assert KEY.digest("MZ-\U0002ebf0-1") != KEY.digest("MZ-\U0002ebf1-1")


def test_another_key_gives_another_digest() -> None:
    """What one city's store holds says nothing under another key."""
    assert ReferenceKey(bytes(32)).digest(REFERENCE) != KEY.digest(REFERENCE)


@pytest.mark.parametrize(
    "wrong", ["", "123", "   1   ", "1" * 129, "1234\x00", "12\u200b34", "12\n34", "㎒" * 65]
)
def test_what_is_no_reference_is_refused_without_a_word_of_it(wrong: str) -> None:
    """Too short, too long (also only when normalised), or with what nobody sees."""
    with pytest.raises(MalformedError) as caught:
        KEY.digest(wrong)
    assert not wrong.strip() or wrong not in str(caught.value)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_is_32_octets(size: int) -> None:
    """No shorter one is taken for one."""
    with pytest.raises(MalformedError):
        ReferenceKey(bytes(size))


def test_a_key_does_not_print_itself() -> None:
    """In no repr, so in no log."""
    assert SECRET.hex() not in repr(KEY)
    assert repr(SECRET) not in repr(KEY)


@given(st.text(max_size=200))
def test_any_text_has_a_digest_or_is_refused(text: str) -> None:
    """Nothing else is raised, lone surrogates included."""
    try:
        digest = KEY.digest(text)
    except MalformedError:
        return
    assert len(digest) == DIGEST_BYTES
    assert len(normalise(text)) <= 128
