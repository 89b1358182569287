"""Phones of subscribers, which text back through the sandbox carrier."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp

from tests.e2e.fleet import ACCOUNT, TOKEN

AT_ONCE = 16


class Handsets:
    """Texts to our numbers. `answered` has when the server's answer to a phone's last text came."""

    def __init__(self, carrier_url: str, session: aiohttp.ClientSession) -> None:
        self._url = f"{carrier_url}/sandbox/inbound"
        self._session = session
        self.answered: dict[str, datetime] = {}

    async def text(self, sender: str, recipient: str, body: str) -> bool:
        """Whether the server took it."""
        text = {"from": sender, "to": recipient, "body": body}
        async with self._session.post(self._url, json=text) as response:
            answer = await response.json()
        if response.status != 200 or answer["status"] != 200:
            return False
        self.answered[sender] = datetime.now(UTC)
        return True

    async def all_text(self, recipients: Mapping[str, str], body: str) -> list[str]:
        """Each phone texts to the number it is mapped to; returns those that nobody answered."""
        taken = await asyncio.gather(
            *(self.text(sender, number, body) for sender, number in recipients.items())
        )
        return [phone for phone, done in zip(recipients, taken, strict=True) if not done]


@asynccontextmanager
async def handsets_of(carrier_url: str) -> AsyncIterator[Handsets]:
    """Handsets of the sandbox at that address."""
    async with aiohttp.ClientSession(
        headers={"Authorization": aiohttp.encode_basic_auth(ACCOUNT, TOKEN)},
        connector=aiohttp.TCPConnector(limit=AT_ONCE),
    ) as session:
        yield Handsets(carrier_url, session)
