"""Rows of credentials: twelve bytes, and what they hold comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.contract.errors import MalformedError
from verifier.issuing.credential_row import (
    ROW_BYTES,
    CredentialForm,
    CredentialRow,
    credential_row,
    pack_held,
    unpack_held,
)


def test_a_row_is_the_documented_one() -> None:
    """Index, hour times four plus form, the beginning of the thumbprint."""
    row = credential_row(
        0x01020304, expires=3600 * 500_000, form=CredentialForm.PROXY, kid=b"thumbpri"
    )
    hours = (500_000 << 2 | 2).to_bytes(3, "big")
    assert pack_held(row) == b"\x01\x02\x03\x04" + hours + b"thumb"


@pytest.mark.parametrize(("expires", "kept"), [(3600, 3600), (3601, 7200), (7199, 7200)])
def test_an_expiry_is_rounded_up(expires: int, kept: int) -> None:
    """Never forgotten before it has expired."""
    assert credential_row(1, expires=expires, form=CredentialForm.PHONE).expires == kept


@given(
    st.lists(
        st.builds(
            CredentialRow,
            st.integers(0, 2**32 - 1),
            st.integers(0, 2**22 - 1).map(lambda hour: hour * 3600),
            st.sampled_from(CredentialForm),
            st.binary(min_size=5, max_size=5),
        ),
        max_size=16,
    )
)
def test_rows_come_back(rows: list[CredentialRow]) -> None:
    """All of them, in order."""
    packed = b"".join(map(pack_held, rows))
    assert len(packed) == ROW_BYTES * len(rows)
    assert unpack_held(packed) == tuple(rows)


@pytest.mark.parametrize(
    "row",
    [
        CredentialRow(2**32, 0, CredentialForm.PHONE),
        CredentialRow(-1, 0, CredentialForm.PHONE),
        CredentialRow(1, 2**22 * 3600, CredentialForm.PHONE),
        CredentialRow(1, 0, CredentialForm.PHONE, b"shor"),
    ],
)
def test_what_has_no_room_is_refused(row: CredentialRow) -> None:
    """Rather than cut."""
    with pytest.raises(MalformedError):
        pack_held(row)


def test_half_a_row_is_refused() -> None:
    """What is no whole number of rows is no list of them."""
    with pytest.raises(MalformedError):
        unpack_held(bytes(ROW_BYTES + 1))
