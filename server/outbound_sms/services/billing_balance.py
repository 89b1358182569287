"""The balance of an instance, at one moment and as it changes."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.once import ACQUIRE_TIMEOUT
from outbound_sms.services.balance_events import Look, events_at_first, events_between
from outbound_sms.services.balance_watch import BalanceWatch
from outbound_sms.services.billing_fields import show_balance
from outbound_sms.services.top_up_fields import show_auto_buy, show_top_up
from outbound_sms.store.auto_buy import get_auto_buy
from outbound_sms.store.balances import get_balance
from outbound_sms.store.pool import Pool
from outbound_sms.store.top_ups import TopUp, last_top_up
from outboundsms.v1 import billing_pb2 as pb


class BalanceMethods:
    """The part of `outboundsms.v1.Billing` about the balance."""

    _pool: Pool
    _watch: BalanceWatch

    async def GetBalance(
        self, request: pb.GetBalanceRequest, context: Any
    ) -> pb.GetBalanceResponse:
        instance_id = current_caller().instance_id
        async with (
            self._pool.acquire(timeout=ACQUIRE_TIMEOUT) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            balance = await get_balance(connection, instance_id)
            auto_buy = await get_auto_buy(connection, instance_id)
            last = await last_top_up(connection, instance_id)
        return pb.GetBalanceResponse(
            balance=show_balance(balance),
            auto_buy=show_auto_buy(auto_buy),
            last_top_up=_show_last(last),
        )

    async def WatchBalance(
        self, request: pb.WatchBalanceRequest, context: Any
    ) -> AsyncGenerator[pb.WatchBalanceResponse, None]:
        before: Look | None = None
        async with aclosing(self._watch.watch(current_caller().instance_id)) as looks:
            async for look in looks:
                yield pb.WatchBalanceResponse(
                    balance=show_balance(look.balance),
                    events=events_at_first(look)
                    if before is None
                    else events_between(before, look),
                    last_top_up=_show_last(look.last_top_up),
                )
                before = look


def _show_last(top_up: TopUp | None) -> pb.TopUp | None:
    return show_top_up(top_up) if top_up is not None else None
