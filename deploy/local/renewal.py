"""Certificates that are renewed while the house runs, and what is handed to the processes anew.

Looked at every few seconds: a certificate past two thirds of its life gets the next, a terminal
that the registry calls revoked gets into the CRL. The broker is told by SIGHUP and the fleet too;
workers and terminals see their new files by themselves. No connection is cut by it.
"""

import asyncio
import signal
from collections.abc import Callable
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
        self._problem: str | None = None
        self._owed: set[str] = set()
        """Children that have not been told yet."""

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            problem = None
            try:
                renewed = await asyncio.to_thread(self._renew)
            except (LocalError, OSError, IdentityError) as error:
                # A CA's key that is kept elsewhere, a full disk, a file that a person left.
                renewed, problem = frozenset[str](), str(error)
            self._owed |= renewed & {BROKER, FLEET}
            self._owed -= {name for name in self._owed if self._send(name, signal.SIGHUP)}
            if problem is not None and problem != self._problem:
                self._tell(Phrase("certificates are not renewed: {why}", why=problem))
            self._problem = problem

    def _renew(self) -> frozenset[str]:
        """Renew what is due; returns the children that have to know."""
        data = self._house.data
        try:
            renew_certificates(data)
            terminals = places.renew_terminals(data, running=True)
        finally:
            # What was renewed before something failed counts.
            handed = {
                name
                for name, one in self._confined.items()
                if credentials.hand_over(one.data, one.secrets, one.credentials)
            }
        return frozenset(handed | ({FLEET} if terminals else set()))
