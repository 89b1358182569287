"""A process that takes receipts by id from its input, to be killed:
`python -m tests.webhooks.arrivals_process DATABASE_URL [apply]`.

Each line is an id of which the carrier says that it was delivered; it is written back when that is
durable. With `apply` the process also does what a dispatcher does with receipts.
"""

import asyncio
import os
import sys

from outbound_sms import log
from outbound_sms.carriers.carrier import Receipt, ReceiptState
from outbound_sms.dispatch.dispatcher import Dispatcher
from outbound_sms.domain.callback import CallbackAddress
from outbound_sms.inbox.arrivals import ReceivedArrivals
from outbound_sms.inbox.receipts import ReceiptInbox
from outbound_sms.inbox.texts import TextInbox
from outbound_sms.store.pool import SessionRole, open_pool
from tests.dispatch.parts import CARRIER


async def main(dsn: str, *, applies: bool) -> None:
    """Works until killed."""
    pool = await open_pool(
        dsn,
        min_size=1,
        max_size=6,
        application_name="arrivals",
        statement_timeout_ms=30_000,
        role=SessionRole.DISPATCHER,
        index_plans=True,
    )
    dispatcher = Dispatcher(pool, {}, CallbackAddress("http://callbacks.invalid", b"k" * 32))
    arrivals = ReceivedArrivals(
        ReceiptInbox(pool, dispatcher.receipts_arrived.set), TextInbox(pool)
    )

    async def take(line: bytes) -> None:
        receipt = Receipt(line.decode().strip(), ReceiptState.DELIVERED)
        await arrivals.receipt(CARRIER, receipt, None)
        os.write(sys.stdout.fileno(), line)

    async with asyncio.TaskGroup() as tasks:
        if applies:
            tasks.create_task(dispatcher.run(asyncio.Event()))
        lines = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
        )
        while line := await lines.readline():
            tasks.create_task(take(line))


if __name__ == "__main__":
    log.configure()
    asyncio.run(main(sys.argv[1], applies="apply" in sys.argv[2:]))
