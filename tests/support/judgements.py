"""Judgements: what passes, what one wrong thing is refused for, and texts that no issuer made.

Each table names its cases in a few words; tests walk them, and the committed vectors are made of
them. Every case is right but for what its name says.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from tests.support.city import GRANT, GROUP_ID, PROFILE, City, asks, trusting
from tests.support.foreign import taking
from tests.support.keys import ISSUER_ED, PHONE_ED, STRANGER
from tests.support.publisher import DAY, HOUR, NOW
from verifier.contract.bundle import Appointment, Roster, RosterMember
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Colour, Direction, Kind, Plane
from verifier.encoding import base45
from verifier.issuing.issuer import Subject

SKEW: Final = 60
WINDOW: Final = 60
AHEAD: Final = 10

GROUP: Final = Subject(
    kind=Kind.GROUP, list=1, credential=900, group=GROUP_ID, roster_version=3, members=2
)
CARRIED: Final = Subject(
    kind=Kind.GROUP,
    list=1,
    credential=900,
    group=GROUP_ID,
    roster_version=3,
    members=2,
    packed_members=bytes((10, 9)),
)
WITHOUT_SECTORS: Final = Subject(kind=Kind.PERSONAL, list=1, person=77, credential=501)
ROSTER: Final = Roster(
    group=GROUP_ID,
    version=3,
    iat=NOW - HOUR,
    list=1,
    members=(
        RosterMember(person=10, masked_name="陈*"),
        RosterMember(person=20, masked_name="李*明"),
    ),
)
ON_PAPER: Final = City(subject=GROUP, phone=None, rosters=(ROSTER,))
ON_A_PHONE: Final = City(subject=CARRIED)
BY_APPOINTMENT: Final = asks(
    kinds=["personal"], appointment="required", early_minutes=30, late_minutes=15
)


def booked(begins: int, ends: int, *, person: int = 77, number: int = 1) -> Appointment:
    """Book somebody in seconds from now; the code's own person, if nothing is said."""
    return Appointment(list=number, person=person, begins=NOW + begins, ends=NOW + ends)


EXPECTED: Final = City(profile=BY_APPOINTMENT, appointments=(booked(-600, 600),))
GATE_OUT: Final = msgspec.structs.replace(GRANT, direction=Direction.OUT)
ED_ISSUER: Final = trusting(spki=ISSUER_ED.spki, algorithm=int(ISSUER_ED.algorithm))

GOOD: Final[Mapping[str, City]] = {
    "a phone's code": City(),
    "a paper code": City(phone=None),
    "Ed25519 on both sides": City(issuer_key=ISSUER_ED, phone=PHONE_ED, trusted=ED_ISSUER),
    "an Ed25519 phone under a P-256 issuer": City(phone=PHONE_ED),
    "nbf at the edge of the skew": City(not_before=NOW + SKEW),
    "iat at the edge of the skew": City(issued_at=NOW + SKEW),
    "the last second before exp": City(expires=NOW + 1),
    "a proof at the end of its window": City(shown_at=NOW - WINDOW),
    "a proof from as far ahead as allowed": City(shown_at=NOW + AHEAD),
    "further ahead where the clock is less sure": City(shown_at=NOW + AHEAD + 5, uncertainty=5),
    "the place's own window": City(shown_at=NOW - 300, profile=asks(window=300)),
    "the trust bundle's last second": City(trust_exp=NOW),
    "the key's first second": City(trusted=trusting(nbf=NOW)),
    "the key's last second": City(trusted=trusting(exp=NOW)),
    "status as old as allowed": City(status_at=NOW - 600),
    "an audience that is this place": City(audience="place:hall-1"),
    "the audience that is asked for": City(audience="place:hall-1", profile=asks(audience=True)),
    "paper where a proof must name its audience": City(phone=None, profile=asks(audience=True)),
    "no health asked, no health plane": City(planes=(Plane.REVOCATION,), profile=asks(colours=[])),
    "yellow where yellow passes": City(
        colours={77: Colour.YELLOW}, profile=asks(colours=["green", "yellow"])
    ),
    "no sectors where none is asked": City(subject=WITHOUT_SECTORS, profile=asks(sector=None)),
    "a group on paper": ON_PAPER,
    "a group on a phone": ON_A_PHONE,
    "an unsure clock and a paper code": City(phone=None, clock_sure=False),
    "the last index of the list": City(size=502),
    "an appointment now": EXPECTED,
    "as early as the place allows": EXPECTED.at(appointments=(booked(1800, 3600),)),
    "as late as the place allows": EXPECTED.at(appointments=(booked(-3600, -900),)),
    "early by as much as the clock may be off": EXPECTED.at(
        appointments=(booked(1805, 3600),), uncertainty=5
    ),
    "the second of two appointments": EXPECTED.at(
        appointments=(booked(-7200, -3600), booked(-60, 60))
    ),
    "a way out needs no appointment": EXPECTED.at(appointments=(), grant=GATE_OUT),
    "the last second of the appointments": EXPECTED.at(appointments_exp=NOW),
}

REFUSED: Final[Mapping[str, tuple[Reason, City]]] = {
    "no key of this kid": (Reason.TRUST_UNKNOWN_KEY, City(issuer_key=STRANGER)),
    "a key for status": (Reason.TRUST_WRONG_USE, City(trusted=trusting(uses=("status",)))),
    "a key for another format": (Reason.TRUST_WRONG_USE, City(trusted=trusting(formats=("HC1",)))),
    "another issuer's name": (Reason.TRUST_WRONG_ISSUER, City(issuer="440300")),
    "another issuer's list": (Reason.TRUST_WRONG_ISSUER, City(trusted=trusting(lists=(2,)))),
    "no lists at all": (Reason.TRUST_WRONG_ISSUER, City(trusted=trusting(lists=()))),
    "a sector not granted": (
        Reason.TRUST_WRONG_ISSUER,
        City(trusted=trusting(sectors=(1, 2, 3))),
    ),
    "a key one second old": (Reason.TRUST_KEY_EXPIRED, City(trusted=trusting(exp=NOW - 1))),
    "a key not yet in force": (Reason.TRUST_KEY_EXPIRED, City(trusted=trusting(nbf=NOW + 1))),
    "a bundle one second old": (Reason.TRUST_STALE, City(trust_exp=NOW - 1)),
    "another phone": (Reason.PROOF_BAD, City(shown_by=STRANGER)),
    "a phone of another algorithm": (Reason.PROOF_BAD, City(shown_by=PHONE_ED)),
    "one second past the window": (Reason.PROOF_STALE, City(shown_at=NOW - WINDOW - 1)),
    "one second too far ahead": (Reason.PROOF_FUTURE, City(shown_at=NOW + AHEAD + 1)),
    "ahead of a clock less sure": (
        Reason.PROOF_FUTURE,
        City(shown_at=NOW + AHEAD + 6, uncertainty=5),
    ),
    "the end of all time": (Reason.PROOF_FUTURE, City(shown_at=(1 << 64) - 1)),
    "shown for elsewhere": (Reason.PROOF_AUDIENCE, City(audience="place:hall-2")),
    "shown for nowhere": (Reason.PROOF_AUDIENCE, City(profile=asks(audience=True))),
    "the second of exp": (Reason.TIME_EXPIRED, City(expires=NOW)),
    "nbf past the skew": (Reason.TIME_NOT_YET, City(not_before=NOW + SKEW + 1)),
    "iat past the skew": (Reason.TIME_NOT_YET, City(issued_at=NOW + SKEW + 1)),
    "a clock unsure": (Reason.CLOCK_UNSURE, City(clock_sure=False)),
    "revoked": (Reason.STATUS_REVOKED, City(revoked=frozenset({501}))),
    "red": (Reason.STATUS_RED, City(colours={77: Colour.RED})),
    "yellow": (Reason.STATUS_YELLOW, City(colours={77: Colour.YELLOW})),
    "no colour": (Reason.STATUS_NONE, City(colours={77: Colour.NONE})),
    "status one second too old": (Reason.STATUS_STALE, City(status_at=NOW - 601)),
    "no revocation plane": (Reason.STATUS_UNKNOWN, City(planes=(Plane.HEALTH,))),
    "no health plane": (Reason.STATUS_UNKNOWN, City(planes=(Plane.REVOCATION,))),
    "the index after the list": (Reason.STATUS_UNKNOWN, City(size=501)),
    "the greatest index": (
        Reason.STATUS_UNKNOWN,
        City(subject=Subject(kind=Kind.PERSONAL, list=1, person=77, credential=(1 << 64) - 1)),
    ),
    "no profile": (Reason.PLACE_UNKNOWN, City(profile=None)),
    "no grant": (Reason.PLACE_UNKNOWN, City(grant=None)),
    "a place for other formats": (Reason.PLACE_FORMAT, City(profile=taking(PROFILE, "HC1"))),
    "a place for groups": (Reason.PLACE_KIND, City(profile=asks(kinds=["group"]))),
    "a group at a place for persons": (
        Reason.PLACE_KIND,
        ON_PAPER.at(profile=asks(kinds=["personal"])),
    ),
    "paper where only phones pass": (
        Reason.PLACE_STATIC,
        City(phone=None, profile=asks(static=False)),
    ),
    "no appointment": (Reason.PLACE_APPOINTMENT, EXPECTED.at(appointments=())),
    "somebody else's appointment": (
        Reason.PLACE_APPOINTMENT,
        EXPECTED.at(appointments=(booked(-600, 600, person=78),)),
    ),
    "an appointment of another list's person": (
        Reason.PLACE_APPOINTMENT,
        EXPECTED.at(appointments=(booked(-600, 600, number=2),)),
    ),
    "one second too early": (
        Reason.PLACE_APPOINTMENT,
        EXPECTED.at(appointments=(booked(1801, 3600),)),
    ),
    "one second too late": (
        Reason.PLACE_APPOINTMENT,
        EXPECTED.at(appointments=(booked(-3600, -901),)),
    ),
    "no appointments known": (Reason.RULE_UNKNOWN, EXPECTED.at(appointments=None)),
    "appointments one second too old": (
        Reason.RULE_UNKNOWN,
        EXPECTED.at(appointments_exp=NOW - 1),
    ),
    "an appointment by a clock unsure": (
        Reason.RULE_UNKNOWN,
        EXPECTED.at(phone=None, clock_sure=False),
    ),
    "no sector": (Reason.SECTOR_MISSING, City(subject=WITHOUT_SECTORS)),
    "a sector switched off": (Reason.SECTOR_DISABLED, City(sectors_enabled=(2, 3, 4))),
    "a red member": (Reason.GROUP_EXCEPTIONS, ON_PAPER.at(colours={20: Colour.RED})),
    "no roster": (Reason.GROUP_STALE_ROSTER, ON_PAPER.at(rosters=())),
    "a roster of an older version": (
        Reason.GROUP_STALE_ROSTER,
        ON_PAPER.at(
            rosters=(Roster(group=GROUP_ID, version=2, iat=NOW, list=1, members=ROSTER.members),)
        ),
    ),
    "a roster of another list": (
        Reason.GROUP_STALE_ROSTER,
        ON_PAPER.at(
            rosters=(Roster(group=GROUP_ID, version=3, iat=NOW, list=2, members=ROSTER.members),),
            profile=asks(colours=[]),
        ),
    ),
    "a roster one second too old": (
        Reason.GROUP_STALE_ROSTER,
        ON_PAPER.at(
            rosters=(
                Roster(
                    group=GROUP_ID, version=3, iat=NOW - DAY - 1, list=1, members=ROSTER.members
                ),
            )
        ),
    ),
    "a member outside the plane": (
        Reason.CODE_MALFORMED,
        ON_A_PHONE.at(
            size=901,
            subject=Subject(
                kind=Kind.GROUP,
                list=1,
                credential=900,
                group=GROUP_ID,
                members=1,
                packed_members=b"\x85\x07",
            ),
        ),
    ),
    "a count that is not the members'": (
        Reason.CODE_MALFORMED,
        ON_A_PHONE.at(
            subject=Subject(
                kind=Kind.GROUP,
                list=1,
                credential=900,
                group=GROUP_ID,
                members=3,
                packed_members=bytes((10, 9)),
            )
        ),
    ),
    "members on paper": (Reason.CODE_MALFORMED, ON_A_PHONE.at(phone=None)),
}

BY_TEXT: Final[Mapping[str, tuple[Reason, str]]] = {
    "an address": (Reason.FORMAT_UNKNOWN, "https://example.org/CC1:"),
    "nothing": (Reason.FORMAT_UNKNOWN, ""),
    "a prefix in lower case": (Reason.FORMAT_UNKNOWN, "cc1:" + City().text()[4:]),
    "a prefix half in lower case": (Reason.FORMAT_UNKNOWN, "Cc1:" + City().text()[4:]),
    "a space before": (Reason.FORMAT_UNKNOWN, " " + City().text()),
    "a byte-order mark before": (Reason.FORMAT_UNKNOWN, "\ufeff" + City().text()),
    "one character too many": (Reason.FORMAT_TOO_LONG, "CC1:" + "0" * 1197),
    "a thousandfold": (Reason.FORMAT_TOO_LONG, City().text() * 1000),
    "as long as allowed": (Reason.CODE_MALFORMED, "CC1:" + "0" * 1196),
    "a prefix alone": (Reason.CODE_MALFORMED, "CC1:"),
    "lower case": (Reason.CODE_MALFORMED, "CC1:" + City().text()[4:].lower()),
    "a newline after": (Reason.CODE_MALFORMED, City().text() + "\n"),
    "a space after": (Reason.CODE_MALFORMED, City().text() + " "),
    "a space written as in an address": (
        Reason.CODE_MALFORMED,
        City(phone=None).text().replace(" ", "%20"),
    ),
    "a character outside the alphabet": (Reason.CODE_MALFORMED, City().text()[:-1] + "_"),
    "an ideographic space inside": (
        Reason.SCANNER_LAYOUT,
        City().text().replace(" ", "\u3000"),
    ),
    "a letter that Unicode has had since 2022 inside": (
        Reason.SCANNER_LAYOUT,
        City().text()[:40] + "\U00011f04" + City().text()[41:],
    ),
    "a zero-width space inside": (
        Reason.CODE_MALFORMED,
        City().text()[:40] + "\u200b" + City().text()[41:],
    ),
    "full-width digits": (Reason.SCANNER_LAYOUT, "CC1:" + "０" * 90),
    "typed under a German layout": (
        Reason.SCANNER_LAYOUT,
        City().text().translate(str.maketrans("YZ:/-+*", "ZYÖ-ß`(")),
    ),
    "typed under a French layout": (Reason.SCANNER_LAYOUT, "CC&M" + City().text()[4:]),
    "typed under a Russian layout": (
        Reason.SCANNER_LAYOUT,
        City().text().translate(str.maketrans("CHAEKTB:/", "СРФУЛЕИЖ.")),
    ),
    "two codes in one line": (Reason.SCANNER_EXTRA, 2 * City(phone=None).text()),
    "a scanner's own name before": (Reason.SCANNER_EXTRA, "P01" + City().text()),
    "half a surrogate pair": (Reason.CODE_MALFORMED, City().text()[:-1] + "\ud800"),
    "a null": (Reason.CODE_MALFORMED, City().text() + "\x00"),
    "a phone's code without its phone": (
        Reason.PROOF_MISSING,
        "CC1:" + base45.encode(b"\xd2" + City().credential()),
    ),
    "a paper code with a proof": (
        Reason.CODE_MALFORMED,
        "CC1:" + base45.encode(City(phone=None, shown_by=STRANGER).presentation()),
    ),
}

CLEANED: Final = (
    "a prefix in lower case",
    "a prefix half in lower case",
    "a space before",
    "a byte-order mark before",
    "a newline after",
    "a null",
)
"""Of those, what scanners add or change: doors take it off, the formats themselves never do."""
TYPED: Final[Mapping[str, str]] = {name: BY_TEXT[name][1] for name in CLEANED} | {
    "an AIM identifier before": "]Q1" + City().text(),
    "an AIM identifier and an ECI escape before": "]Q2\\000026" + City().text(),
    "start and end of text": "\x02" + City().text() + "\x03",
    "a tab after": City().text() + "\t",
    "two line ends after": City().text() + "\r\n\r\n",
    "a group separator after": City().text() + "\x1d",
    "a byte-order mark as Latin-1 before": "\u00ef\u00bb\u00bf" + City().text(),
    "small letters throughout": City().text().lower(),
}
"""Good codes as scanners type them."""

UNSURE: Final[Mapping[str, tuple[Reason, City, str]]] = {
    "clock": (Reason.CLOCK_UNSURE, City(clock_sure=False), "oooouoo"),
    "clock, and a proof that would be an hour old": (
        Reason.CLOCK_UNSURE,
        City(clock_sure=False, shown_at=NOW - 3600),
        "oooouoo",
    ),
    "clock, and a proof that would be of the end of time": (
        Reason.CLOCK_UNSURE,
        City(clock_sure=False, shown_at=(1 << 64) - 1),
        "oooouoo",
    ),
    "trust": (Reason.TRUST_STALE, City(trust_exp=NOW - 1), "oooouoo"),
    "status stale": (Reason.STATUS_STALE, City(status_at=NOW - 601), "ooooouo"),
    "no revocation": (Reason.STATUS_UNKNOWN, City(planes=(Plane.HEALTH,)), "ooooouo"),
    "no health": (Reason.STATUS_UNKNOWN, City(planes=(Plane.REVOCATION,)), "ooooouo"),
    "a group's health": (
        Reason.STATUS_UNKNOWN,
        ON_PAPER.at(planes=(Plane.REVOCATION,)),
        "oooooou",
    ),
    "who is expected": (Reason.RULE_UNKNOWN, EXPECTED.at(appointments=None), "oooooou"),
    "who is expected today": (
        Reason.RULE_UNKNOWN,
        EXPECTED.at(appointments_exp=NOW - 1),
        "oooooou",
    ),
}
"""What cannot be known: the Reason with the closed stance, and the steps with the open one."""
