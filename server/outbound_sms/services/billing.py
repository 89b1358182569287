"""The prepaid money of an instance: the Billing service."""

import asyncio
from collections.abc import Callable

from outbound_sms.rpc.once import Once
from outbound_sms.rpc.pages import Pages
from outbound_sms.services.balance_watch import BalanceWatch
from outbound_sms.services.billing_balance import BalanceMethods
from outbound_sms.services.billing_ledger import LedgerMethods
from outbound_sms.services.billing_prices import PriceMethods
from outbound_sms.services.billing_top_ups import BillingTopUps
from outbound_sms.store.pool import Pool


class Billing(BalanceMethods, LedgerMethods, PriceMethods, BillingTopUps):
    """Serves `outboundsms.v1.Billing`; the methods are in the modules named `billing_...`.

    `pool` shows each call the rows of its caller's instance; `system`, which must see every
    instance's, is for the one task that looks at all balances that are watched. `payments`:
    whether this server has a payment gateway; `wake_for_top_ups` tells its worker of new work.
    """

    def __init__(
        self,
        pool: Pool,
        system: Pool,
        pages: Pages,
        once: Once,
        drain: asyncio.Event,
        payments: bool,
        wake_for_top_ups: Callable[[], None],
    ) -> None:
        super().__init__(pool, pages, once, payments, wake_for_top_ups)
        self._watch = BalanceWatch(system, drain)
