"""What servers die with at kill points: texts, calls and receipts, of each server its own."""

import asyncio
import os
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import aiohttp

from outbound_sms.carriers.signature import HEADER, sign
from outbound_sms.store.pool import Pool
from outboundsms.v1.mass_messages_pb2 import Audience, CreateMassMessageRequest, MassMessageSpec
from outboundsms.v1.mass_messages_pb2_grpc import MassMessagesStub
from tests.dispatch.queue_factory import PRICE, Queued, fill_queue, phones
from tests.e2e.fleet import TOKEN, Fleet
from tests.factories import add_subscribers, make_isp, phone
from tests.services.running import Stubs, Tenant, make_tenant

TIMES = int(os.environ.get("KILL_POINT_TIMES", "2"))
"""How often servers die at each point."""

TEXTS = 6
FUNDS = 2 * TEXTS * PRICE
TEXT = "Northwind: outage. Reply STOP to unsubscribe."
HANDING_OVER = ("k3", "k4", "k5", "k6", "k7", "k12")
"""Points at which a dispatcher dies with texts."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts that one server dies with. Only it knows their carrier, until all have died."""

    carrier: str
    queued: Queued
    phones: list[str]


@dataclass(slots=True)
class Call:
    """A CreateMassMessage whose answer was lost, for texts to these phones."""

    tenant: Tenant
    phones: list[str]
    request: CreateMassMessageRequest = field(default_factory=lambda: new_mass_message())

    async def make(self, address: str) -> Any:
        """Calls a server, which answers or is lost."""
        stubs = Stubs(address, self.tenant.key)
        try:
            return await stubs(MassMessagesStub).CreateMassMessage(self.request, timeout=20)
        finally:
            await stubs.close()


def new_mass_message() -> CreateMassMessageRequest:
    """To everybody, with a request_id of its own."""
    spec = MassMessageSpec(
        saved_message="UNPLANNED_OUTAGE_NO_ETA", audience=Audience(all_accounts=True)
    )
    spec.outage_start_time.GetCurrentTime()
    return CreateMassMessageRequest(spec=spec, request_id=str(uuid4()))


class Receipts:
    """Says of texts that they were delivered, as their carrier would."""

    def __init__(self, fleet: Fleet, texts: Texts, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._entries = [e for e in fleet.accept_entries() if e["to"] in texts.phones]
        self._public = fleet.public_url

    async def post(self, server: str, *, but: frozenset[str] = frozenset()) -> list[int]:
        """Calls a server with all at once, but those of some carrier's ids. Returns the answers,
        0 for a call that was lost."""
        return await asyncio.gather(
            *(self._post(server, each) for each in self._entries if each["sid"] not in but)
        )

    async def _post(self, server: str, entry: dict[str, Any]) -> int:
        address = entry["status_callback"]
        form = {"MessageSid": entry["sid"], "MessageStatus": "delivered"}
        try:
            async with self._session.post(
                address.replace(self._public, server),
                data=form,
                headers={HEADER: sign(TOKEN, address, form.items())},
            ) as answer:
                return answer.status
        except aiohttp.ClientError:
            return 0


@dataclass(slots=True)
class Rounds:
    """Everything that servers die with, by the point at which they do."""

    texts: dict[str, list[Texts]] = field(default_factory=dict)
    calls: dict[str, list[Call]] = field(default_factory=dict)

    @classmethod
    def names(cls) -> list[str]:
        """Carriers, one for each round; "sandbox" is that of mass messages."""
        return ["sandbox", *(f"{p}-{n}" for p in HANDING_OVER for n in range(TIMES))]

    async def prepare(self, pool: Pool) -> None:
        """Texts in the queue, and tenants with subscribers."""
        number = 0
        for point in HANDING_OVER:
            self.texts[point] = []
            for n in range(TIMES):
                number += 1
                to = phones(TEXTS, start=10_000 + 100 * number)
                queued = await fill_queue(
                    pool,
                    TEXTS,
                    name=f"{point}-{n}",
                    sender=phone(60_000 + number),
                    carrier=f"{point}-{n}",
                    text=TEXT,
                    recipients=to,
                    funds=FUNDS,
                )
                self.texts[point].append(Texts(f"{point}-{n}", queued, to))
        for point in ("k1", "k2"):
            self.calls[point] = []
            for n in range(TIMES):
                number += 1
                tenant = await make_tenant(pool, f"{point}-{n}")
                isp = await make_isp(
                    pool, instance_id=tenant.instance.id, sender=phone(60_000 + number)
                )
                first = 1_000 + 100 * number
                await add_subscribers(pool, isp, TEXTS, first=first)
                to = [phone(first + i) for i in range(TEXTS)]
                self.calls[point].append(Call(tenant, to))
