"""The first wall of what is listed of consent: each statement names the instance by itself.

These run as the owner of the schema, whom row level security does not hold back.
"""

from uuid import UUID

import pytest

from outbound_sms.store import consent, inbound_messages, messages
from outbound_sms.store.consent import ConsentFilter
from outbound_sms.store.pool import Pool
from tests.store.row_of_everything import add_row_of_everything

LAST = UUID(int=2**128 - 1)


@pytest.fixture
async def instances(pool: Pool) -> list[UUID]:
    """Two, each with a row of everything."""
    return [await add_row_of_everything(pool, f"+1212555010{n}") for n in range(2)]


async def test_an_export_reads_the_events_of_one_instance(
    pool: Pool, instances: list[UUID]
) -> None:
    for instance_id in instances:
        own = await pool.fetchval(
            "SELECT id FROM consent_event WHERE instance_id = $1", instance_id
        )
        assert await consent.last_event(pool, instance_id) == own
        found = await consent.list_events_forward(
            pool, instance_id, ConsentFilter(), None, LAST, 10
        )
        assert [event.id for event in found] == [own]


async def test_replies_are_those_to_one_instance_and_of_its_contacts(
    pool: Pool, instances: list[UUID]
) -> None:
    for instance_id in instances:
        [found] = await inbound_messages.list_unclassified(pool, instance_id, None, 10)
        assert found.id == await pool.fetchval(
            "SELECT id FROM inbound_message WHERE instance_id = $1", instance_id
        )
        assert list(found.contact_ids) == [
            await pool.fetchval("SELECT id FROM contact WHERE instance_id = $1", instance_id)
        ]


async def test_a_message_without_a_contact_is_read_by_its_own_instance_only(
    pool: Pool, instances: list[UUID]
) -> None:
    await pool.execute("UPDATE message SET contact_id = NULL, kind = 3")
    own, other = instances
    ids = [
        row["id"] for row in await pool.fetch("SELECT id FROM message WHERE instance_id = $1", own)
    ]
    assert (await messages.get_messages(pool, own, ids)).keys() == set(ids)
    assert await messages.get_messages(pool, other, ids) == {}
