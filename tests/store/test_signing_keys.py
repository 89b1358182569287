"""Keys that all processes share."""

import asyncio

from outbound_sms.store.pool import Pool
from outbound_sms.store.signing_keys import signing_key


async def test_all_who_ask_at_once_get_the_same_key(pool: Pool) -> None:
    keys = await asyncio.gather(*(signing_key(pool, "page_token") for _ in range(50)))
    assert len(set(keys)) == 1
    assert len(keys[0]) == 32
    assert await signing_key(pool, "page_token") == keys[0]


async def test_each_purpose_has_its_own_key(pool: Pool) -> None:
    assert await signing_key(pool, "page_token") != await signing_key(pool, "cursor")
