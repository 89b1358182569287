"""A process that only ticks, to be killed: `python -m tests.feed.ticker_process DATABASE_URL`."""

import asyncio
import sys

from outbound_sms.feed.tick import Ticker
from outbound_sms.store.pool import open_pool


async def main(dsn: str) -> None:
    """Ticks until killed; like any server it outlives a restart of the database."""
    while True:
        try:
            pool = await open_pool(dsn, min_size=0, max_size=1, application_name="ticker")
        except Exception:
            await asyncio.sleep(0.05)
            continue
        await Ticker(pool, lambda _: None, lambda: None).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
