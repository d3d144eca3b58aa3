"""What answers the requests about persons, credentials, appointments and holders."""

from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis

from runtime.audit import AuditLog
from runtime.http.routes import Handlers
from verifier.contract.audit import Act
from verifier.issuing.persons import ReferenceKey
from verifier.issuing.signing_key import SigningKey
from verifier.service.issuing.budgets import Budgets
from verifier.service.issuing.bundles.bookings import AppointmentResource
from verifier.service.issuing.bundles.publisher import BundlePublisher
from verifier.service.issuing.people.challenges import Challenges
from verifier.service.issuing.people.credentials import Credentials
from verifier.service.issuing.people.holders import Holders
from verifier.service.issuing.people.issue import Issue
from verifier.service.issuing.people.issuer_keys import IssuerKeys
from verifier.service.issuing.people.lost_phones import LostPhones
from verifier.service.issuing.people.personal import Personal
from verifier.service.issuing.people.persons import Persons
from verifier.service.issuing.people.revocations import Revocations
from verifier.service.issuing.planes.status import ListStatus
from verifier.service.issuing.settings import IssuingSettings
from verifier.service.process.metrics import DoorMetrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What every door works with."""

    redis: Redis
    settings: IssuingSettings
    metrics: DoorMetrics
    audit: AuditLog[Act]
    budgets: Budgets


def issuing_handlers(
    tools: Tools,
    *,
    issuer_key: SigningKey,
    reference_key: ReferenceKey,
    status: ListStatus,
    bundles: BundlePublisher,
) -> Handlers:
    """Return what answers requests about persons, credentials, appointments and holders."""
    redis, settings = tools.redis, tools.settings
    issue = Issue(redis, settings, issuer_key, status)
    challenges = Challenges(redis, settings)
    personal = Personal(redis, settings, issue, challenges, status, tools.budgets)
    credentials = Credentials(redis, settings, issuer_key, status, personal, bundles, tools.budgets)
    persons = Persons(redis, settings, reference_key, status)
    appointments = AppointmentResource(redis, settings.list, reference_key, bundles)
    lost_phones = LostPhones(redis, settings, status, tools.audit, tools.budgets)
    revoking = Revocations(redis, settings, status, tools.audit, tools.budgets)
    keys = IssuerKeys(Path(settings.trust), settings.issuer)
    holders = Holders(redis, settings, keys, issue, lost_phones, status, tools.metrics)
    return {
        "findPerson": persons.post,
        "listCredentials": lost_phones.get,
        "losePhone": lost_phones.post,
        "giveChallenge": challenges.post,
        "issueCredential": credentials.post,
        "book": appointments.post,
        "revokeCredential": revoking.post,
        **holders.handlers(),
    }
