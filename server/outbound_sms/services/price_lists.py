"""What segments cost, for the platform operator."""

from typing import Any

from outbound_sms.domain.errors import Violations
from outbound_sms.rpc.fields import parse_id
from outbound_sms.rpc.once import Once
from outbound_sms.rpc.pages import Pages
from outbound_sms.services.price_fields import (
    NewPriceList,
    check_currency,
    read_new,
    show_price_list,
)
from outbound_sms.store import price_lists
from outbound_sms.store.pool import Connection, Pool
from outboundsms.v1 import price_lists_pb2 as pb
from outboundsms.v1 import price_lists_pb2_grpc


class PriceLists(price_lists_pb2_grpc.PriceListsServicer):
    """Serves `outboundsms.v1.PriceLists`. Its pool and `once` must have the system's rights."""

    def __init__(self, pool: Pool, pages: Pages, once: Once) -> None:
        self._pool = pool
        self._pages = pages
        self._once = once

    async def CreatePriceList(
        self, request: pb.CreatePriceListRequest, context: Any
    ) -> pb.CreatePriceListResponse:
        new = await self._read_new(request)

        async def work(db: Connection) -> pb.CreatePriceListResponse:
            made = await price_lists.create_price_list(
                db, new.currency, new.effective_time, new.prices
            )
            return pb.CreatePriceListResponse(price_list=show_price_list(made))

        return await self._once.run(request, pb.CreatePriceListResponse, work)

    async def ListPriceLists(
        self, request: pb.ListPriceListsRequest, context: Any
    ) -> pb.ListPriceListsResponse:
        violations = Violations()
        if request.currency:
            check_currency(violations, "currency", request.currency)
        violations.raise_if_any()
        page = self._pages.read(request)
        before = None if page.after is None else int(page.after)
        found = await price_lists.list_price_lists(
            self._pool, request.currency or None, before, page.size + 1
        )
        shown = found[: page.size]
        more = len(found) > page.size
        return pb.ListPriceListsResponse(
            price_lists=map(show_price_list, shown),
            next_page_token=self._pages.next_token(request, str(shown[-1].version)) if more else "",
        )

    async def _read_new(self, request: pb.CreatePriceListRequest) -> NewPriceList:
        """The time alone is left to the statement: a repeat gets its old answer later too."""
        violations = Violations()
        parse_id(violations, "request_id", request.request_id, required=False)
        new = read_new(violations, request.price_list)
        start = new.effective_time
        if violations and start is not None and await price_lists.is_past(self._pool, start):
            violations.add("price_list.effective_time", price_lists.PAST)
        violations.raise_if_any()
        return new
