"""What texts of an instance cost."""

from typing import Any

from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.once import ACQUIRE_TIMEOUT
from outbound_sms.services.price_fields import show_price_list
from outbound_sms.store import ledger, price_lists
from outbound_sms.store.pool import Pool
from outboundsms.v1 import billing_pb2 as pb


class PriceMethods:
    """The part of `outboundsms.v1.Billing` about prices."""

    _pool: Pool

    async def GetPrices(self, request: pb.GetPricesRequest, context: Any) -> pb.GetPricesResponse:
        instance_id = current_caller().instance_id
        async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT) as connection:
            books = await ledger.get_bookkeeping(connection, instance_id)
            current, upcoming = await price_lists.get_prices(connection, books.currency)
        return pb.GetPricesResponse(
            current=show_price_list(current) if current is not None else None,
            upcoming=map(show_price_list, upcoming),
        )
