"""What this house is made of: what a first start makes, what every start renews, which children.

The one place where mechanism and services meet. A step that needs the ports of this start goes into
`before_children`; one that makes what must never change again goes into `first_start`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from deploy.local import (
    certificates,
    operators,
    passwords,
    places,
    settings,
    sources,
    table,
    trust,
)
from deploy.local.child import Child
from deploy.local.data import Seed
from deploy.local.house import House


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseComposition:
    """The parts of a house, in the order of their use."""

    first_start: tuple[Seed, ...]
    every_start: tuple[Seed, ...]
    before_children: tuple[Callable[[House], None], ...] = ()
    children: Callable[[House], tuple[Child, ...]]


REPLACEABLE: Final = (
    Seed(name="Redis passwords", make=passwords.make_redis_passwords),
    Seed(name="key of changes", make=passwords.make_change_key),
    Seed(name="API keys", make=passwords.make_api_keys),
    Seed(name="certificate authorities", make=certificates.make_authorities),
)
"""Made wherever they are missing: whoever takes one away gets another (docs/runbook.md)."""
SECRETS: Final = (
    *REPLACEABLE,
    Seed(name="reference key", make=passwords.make_reference_key),
    Seed(name="signing keys", make=trust.make_signing_keys),
    Seed(name="root document", make=trust.make_root),
    Seed(name="trust source", make=trust.make_trust_source),
    Seed(name="operators", make=operators.make_operators),
    Seed(name="demo source", make=sources.make_demo_source),
    Seed(name="profiles", make=places.make_profiles),
    Seed(name="places and terminals", make=places.make_terminals),
)
RENEWED: Final = (
    *REPLACEABLE,
    Seed(name="certificates", make=certificates.renew_certificates),
    Seed(name="terminals' certificates", make=places.renew_terminals),
)

HOUSE: Final = HouseComposition(
    first_start=SECRETS,
    every_start=RENEWED,
    before_children=(settings.write_settings,),
    children=table.children,
)
