"""The phone: a proof over a credential, in the fewest bytes, tied to an audience if asked."""

import cbor2
import pytest

from tests.support.city import CTI, City
from tests.support.keys import PHONE, PHONE_ED
from tests.support.publisher import NOW
from verifier.contract.envelope import SignedUse, to_be_signed
from verifier.issuing.holder import CTI_BYTES, present, presentation_text
from verifier.issuing.signing_key import SigningKey
from verifier.trust.keys import load_spki


@pytest.mark.parametrize("phone", [PHONE, PHONE_ED])
@pytest.mark.parametrize("audience", [None, "place:hall-1"])
def test_a_presentation_as_a_general_decoder_reads_it(
    phone: SigningKey, audience: str | None
) -> None:
    """Tag 18; {1: alg, 13: the credential itself}; {6: iat, 7: cti, 3: aud}; a signature."""
    city = City(phone=phone)
    made = present(city.credential(), key=phone, now=NOW, cti=CTI, audience=audience)
    tagged = cbor2.loads(made)
    protected, unprotected, payload, signature = tagged.value
    assert tagged.tag == 18
    assert cbor2.loads(protected) == {1: int(phone.algorithm), 13: cbor2.loads(city.credential())}
    assert unprotected == {}
    expected = {6: NOW, 7: CTI} | ({} if audience is None else {3: audience})
    assert cbor2.loads(payload) == expected
    _, public = load_spki(phone.spki)
    assert public.verify(to_be_signed(SignedUse.PROOF, protected, payload), signature)


def test_the_text_is_the_prefix_and_base45() -> None:
    """What is rendered is what is scanned."""
    made = present(City().credential(), key=PHONE, now=City().shown_at, cti=CTI)
    assert presentation_text(made) == City().text()
    assert len(CTI) == CTI_BYTES
