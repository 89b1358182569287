"""Messages that were not sent for lack of funds, and the calls that send them after all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from outbound_sms.domain.access import RoleValues
from outbound_sms.domain.api_key import make_key
from outbound_sms.store.api_keys import create_api_key
from outbound_sms.store.pool import Pool
from outbound_sms.store.roles import create_role
from outboundsms.v1 import delivery_pb2 as pb
from outboundsms.v1.delivery_pb2_grpc import DeliveryStub
from outboundsms.v1.mass_messages_pb2_grpc import MassMessagesStub
from tests.dispatch.claims import claim
from tests.dispatch.queue_factory import Queued, fill_queue
from tests.services.running import Stubs
from tests.ticks import tick


@dataclass(frozen=True, slots=True)
class Broke:
    """An instance that had too little money for its queue, and stubs with a key of it."""

    pool: Pool
    queued: Queued
    delivery: Any
    mass: Any

    async def requeue(self, **filters: Any) -> pb.RequeueMessagesResponse:
        """Calls RequeueMessages."""
        request = pb.RequeueMessagesRequest(**filters)
        answer: pb.RequeueMessagesResponse = await self.delivery.RequeueMessages(request)
        return answer

    async def run_dry(self) -> None:
        """Claims until nothing is left that is due."""
        await claim(self.pool, self.queued.sending_number_id)

    async def statuses(self) -> list[int]:
        """Of all messages of the instance, oldest first."""
        rows = await self.pool.fetch(
            "SELECT status FROM message WHERE instance_id = $1 ORDER BY id", self.queued.instance_id
        )
        return [row["status"] for row in rows]

    async def unfunded(self) -> list[UUID]:
        """The messages that can be asked for, oldest first."""
        rows = await self.pool.fetch(
            "SELECT message_id FROM unfunded WHERE instance_id = $1 ORDER BY 1",
            self.queued.instance_id,
        )
        return [row["message_id"] for row in rows]

    async def queue(self) -> list[UUID]:
        """The messages that wait in the queue, in the order in which they go."""
        rows = await self.pool.fetch(
            "SELECT message_id FROM dispatch WHERE instance_id = $1 AND owner IS NULL "
            "ORDER BY priority, due_time, message_id",
            self.queued.instance_id,
        )
        return [row["message_id"] for row in rows]


async def make_broke(
    pool: Pool, stub: Stubs, messages: int, *, funds: int = 0, sender: str = "+12025550199"
) -> Broke:
    """A mass message that has been expanded and waits, in an instance of its own."""
    queued = await fill_queue(pool, messages, sender=sender, funds=funds)
    await pool.execute(
        "UPDATE mass_message SET recipients = $2::int, segments = $2::int WHERE id = $1",
        queued.mass_message_id,
        messages,
    )
    key = await add_key(pool, queued.instance_id)
    return Broke(pool, queued, stub(DeliveryStub, key=key), stub(MassMessagesStub, key=key))


async def add_key(pool: Pool, instance_id: UUID) -> str:
    """The text of a super-admin's key."""
    secret = make_key()
    role = await create_role(pool, instance_id, RoleValues("Super-admin", super_admin=True))
    await create_api_key(pool, instance_id, role.id, "caller", secret)
    return secret.text


async def fed(pool: Pool, message_ids: Sequence[UUID]) -> dict[UUID, list[tuple[int, int]]]:
    """Version and status of each change of the messages, in the order of the feed."""
    await tick(pool)
    rows = await pool.fetch(
        "SELECT e.message_id, e.version, e.status FROM feed f CROSS JOIN LATERAL "
        "unnest(f.message_ids, f.versions, f.statuses) WITH ORDINALITY "
        "AS e (message_id, version, status, place) "
        "WHERE e.message_id = ANY ($1::uuid[]) ORDER BY f.pos, e.place",
        message_ids,
    )
    found: dict[UUID, list[tuple[int, int]]] = {message_id: [] for message_id in message_ids}
    for row in rows:
        found[row["message_id"]].append((row["version"], row["status"]))
    return found
