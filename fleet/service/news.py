"""News of bundles: asks the verifier which versions are newest, and tells all terminals.

At most one announcement in 30 s; a verifier that is away is no error, since terminals also ask at
birth. Nothing is kept: after a restart the newest versions are announced once more.
"""

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
from msgspec import Struct

from fleet.contract import messages
from fleet.contract.errors import ContractError
from fleet.contract.messages import BUNDLE_SPREAD_S, BundleNews, NewBundle
from fleet.service.settings import VerifierSettings
from runtime.http.answers import read_answer
from runtime.settings import SettingsError

POLL_S: Final = 10.0
"""Seconds between questions."""
UNHEARD_S: Final = 1.0
"""Seconds until the next try while no session is connected."""
TIMEOUT_S: Final = 5.0
SILENT_S: Final = 60.0
"""Seconds without an answer until it is said; six questions."""
MAX_ANSWER_BYTES: Final = 64 * 1024
"""Bytes of the list of bundles; it names fewer than ten."""


class _Bundles(Struct, frozen=True, kw_only=True):
    bundles: tuple[NewBundle, ...]


class News:
    """Follows the verifier's list and announces changes."""

    def __init__(self, settings: VerifierSettings, announce: Callable[[bytes], bool]) -> None:
        self._url = settings.url.rstrip("/") + "/v1/bundles"
        self._announce = announce
        try:
            key = Path(settings.api_key_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(f"$.verifier.api_key_file: {error.strerror}") from error
        self._headers = {"Authorization": f"Bearer {key}"}
        self._told: tuple[NewBundle, ...] = ()
        self._heard = time.monotonic()

    @property
    def silent(self) -> bool:
        """Whether the verifier has not answered for a while."""
        return time.monotonic() - self._heard > SILENT_S

    async def run(self) -> None:
        """Ask and tell until cancelled."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(headers=self._headers, timeout=timeout) as client:
            while True:
                newest = await self._ask(client)
                wait = POLL_S
                if newest is not None and newest != self._told:
                    wait = BUNDLE_SPREAD_S if self._tell(newest) else UNHEARD_S
                await asyncio.sleep(wait * random.uniform(1, 1.2))  # noqa: S311 - jitter

    async def _ask(self, client: aiohttp.ClientSession) -> tuple[NewBundle, ...] | None:
        """Return the newest bundles by name, or None when the verifier gave no answer."""
        try:
            async with client.get(self._url) as answer:
                if answer.status != 200:
                    return None
                body = await read_answer(answer, MAX_ANSWER_BYTES)
            bundles = msgspec.json.decode(body, type=_Bundles).bundles
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError, ValueError):
            return None
        self._heard = time.monotonic()
        return tuple(sorted(bundles, key=lambda bundle: bundle.name))

    def _tell(self, newest: tuple[NewBundle, ...]) -> bool:
        try:
            payload = messages.encode(BundleNews(spread_s=BUNDLE_SPREAD_S, bundles=newest))
        except ContractError:
            return False
        if not self._announce(payload):
            return False
        self._told = newest
        return True
