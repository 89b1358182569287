"""How long it takes until a session that ended is made anew."""

import asyncio
import itertools

from outbound_sms.carriers.smpp.bind import Bind
from outbound_sms.carriers.smpp.configuration import SmppConfig
from outbound_sms.carriers.smpp.session import CannotBind, Session
from outbound_sms.carriers.smpp.submitted_ids import SubmittedIds
from tests.waiting import wait_until

CONFIG = SmppConfig(
    "smsc", "127.0.0.1", "northwind", "secret12", reconnect_first=0.05, reconnect_most=0.2
)


class NeverBound(Session):
    """A session that does not come about, and says when it was tried."""

    def __init__(self, tried: list[float]) -> None:
        super().__init__(CONFIG, SubmittedIds(), lambda pdu, answer: None)
        self._tried = tried

    async def open(self) -> None:
        self._tried.append(asyncio.get_running_loop().time())
        raise CannotBind("never")


async def test_every_failure_doubles_the_pause_up_to_the_longest() -> None:
    tried: list[float] = []
    bind = Bind(CONFIG, lambda: NeverBound(tried))
    keeping = asyncio.create_task(bind.keep())
    await wait_until(lambda: len(tried) == 6, describe="six tries")
    await bind.close()
    await asyncio.wait_for(keeping, 5)
    pauses = [later - earlier for earlier, later in itertools.pairwise(tried)]
    # Each is less by up to half, by chance.
    for pause, longest in zip(pauses, (0.05, 0.1, 0.2, 0.2, 0.2), strict=True):
        assert longest / 2 <= pause
    assert sum(pauses) < 0.75 + 2.0
