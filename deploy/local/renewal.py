"""Certificates that are renewed while the house runs, and what is handed to the processes anew.

Looked at every few seconds: a certificate past two thirds of its life gets the next, a terminal
that the registry calls revoked gets into the CRL. The broker is told by SIGHUP and the fleet too;
workers and terminals see their new files by themselves. No connection is cut by it.
"""

import asyncio
import signal
from collections.abc import Callable
from functools import partial
from typing import Final

from deploy.local import credentials, places
from deploy.local.certificates import renew_certificates
from deploy.local.child import Child
from deploy.local.errors import LocalError
from deploy.local.holders import BROKER, FLEET
from deploy.local.house import House
from deploy.words.phrase import Phrase
from fleet.errors import IdentityError

LOOK_S: Final = 5.0
"""Between two looks: seven files are read. A revoked terminal is shut out about that soon."""

Tell = Callable[[str], None]
"""Says a line to the person at the screen."""
Signal = Callable[[str, int], bool]
"""Sends a child a signal; False: it is not up."""


class CertificateRenewal:
    """The renewals of one running house."""

    def __init__(
        self, house: House, children: tuple[Child, ...], *, tell: Tell, send: Signal
    ) -> None:
        self._house = house
        self._confined = {
            child.name: child.confinement for child in children if child.confinement is not None
        }
        self._tell = tell
        self._send = send
        self._problems: tuple[str, ...] = ()
        self._owed: set[str] = set()
        """Children that have not been told yet."""

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            problems = await asyncio.to_thread(self._renew)
            self._owed -= {name for name in self._owed if self._send(name, signal.SIGHUP)}
            for problem in problems:
                if problem not in self._problems:
                    self._tell(Phrase("certificates are not renewed: {why}", why=problem))
            self._problems = problems

    def _renew(self) -> tuple[str, ...]:
        """Renew what is due and hand it over; returns what could not be.

        A CA's key that is kept elsewhere, a full disk, a file that a person left: neither holds up
        the other certificates, nor is a child forgotten that has to know of what was renewed.
        """
        steps: list[Callable[[], None]] = [self._servers, self._terminals]
        steps += [partial(self._hand, name) for name in self._confined]
        problems = []
        for step in steps:
            try:
                step()
            except (LocalError, OSError, IdentityError) as error:
                problems.append(str(error))
        return tuple(dict.fromkeys(problems))

    def _servers(self) -> None:
        renew_certificates(self._house.data)

    def _terminals(self) -> None:
        for _ in places.renewed_terminals(self._house.data, running=True):
            self._owed.add(FLEET)

    def _hand(self, name: str) -> None:
        confinement = self._confined[name]
        data, secrets = confinement.data, confinement.secrets
        if credentials.hand_over(data, secrets, confinement.credentials):
            self._owed |= {name} & {BROKER, FLEET}
