"""What happens to accounts, and what is texted about it: the Triggers service."""

import asyncio
from collections.abc import Callable

from outbound_sms.rpc.once import Once
from outbound_sms.rpc.pages import Pages
from outbound_sms.services.trigger_catalogue import TriggerCatalogue
from outbound_sms.services.trigger_fire import Firing
from outbound_sms.services.triggered_messages import TriggeredMessages
from outbound_sms.store.pool import Pool
from outboundsms.v1 import triggers_pb2_grpc


class Triggers(TriggerCatalogue, TriggeredMessages, Firing, triggers_pb2_grpc.TriggersServicer):
    """Serves `outboundsms.v1.Triggers`; the methods are in the modules named `trigger...`.

    Events are fired with connections of `firing`. `drain` ends streams of events; `wake` tells the
    dispatcher of this process of new texts.
    """

    def __init__(
        self,
        pool: Pool,
        pages: Pages,
        once: Once,
        firing: Pool,
        drain: asyncio.Event,
        wake: Callable[[], None],
    ) -> None:
        TriggeredMessages.__init__(self, pool, pages, once)
        Firing.__init__(self, firing, drain, wake)
