"""The feed's tick, made by a test beside a server that ticks too."""

from outbound_sms.store.pool import Pool
from tests.waiting import wait_until


async def tick(pool: Pool) -> None:
    """Returns when every change that was committed before the call is in the feed and counted.

    One call of the tick is not enough: it answers -1 at once while a server is in the middle of its
    own, whose counts are not to be seen yet.
    """

    async def ticked() -> bool:
        copied: int = await pool.fetchval("SELECT feed_tick_once()")
        return copied >= 0

    await wait_until(ticked, describe="a tick of our own")
