"""The RPCs of Billing that bring money in."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from outbound_sms.domain.auto_buy import check_auto_buy
from outbound_sms.domain.errors import InvalidRequest, Reason, Violations, WrongState
from outbound_sms.domain.top_up import CHARGEABLE_CURRENCIES, check_top_up_amount
from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.fields import parse_etag, parse_id, read_mask
from outbound_sms.rpc.once import Once
from outbound_sms.rpc.pages import Pages
from outbound_sms.services import top_up_fields
from outbound_sms.services.missing import check_etag
from outbound_sms.services.paging import read_page
from outbound_sms.store import auto_buy, top_ups
from outbound_sms.store.instances import get_instance
from outbound_sms.store.pool import Connection, Database, Pool
from outboundsms.v1 import billing_pb2 as pb
from outboundsms.v1 import billing_pb2_grpc


class BillingTopUps(billing_pb2_grpc.BillingServicer):
    """Top-ups, by hand and automatic.

    `payments`: whether this server has a payment gateway. `wake` tells its worker that there is
    something to charge.
    """

    def __init__(
        self, pool: Pool, pages: Pages, once: Once, payments: bool, wake: Callable[[], None]
    ) -> None:
        self._pool = pool
        self._pages = pages
        self._once = once
        self._payments = payments
        self._wake = wake

    async def AddFunds(self, request: pb.AddFundsRequest, context: Any) -> pb.AddFundsResponse:
        problem = check_top_up_amount(request.amount_micros)
        if problem is not None:
            raise InvalidRequest.of("amount_micros", problem)
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.AddFundsResponse:
            await self._check_payments(db, instance_id)
            opened = await top_ups.add_top_up(db, instance_id, request.amount_micros)
            return pb.AddFundsResponse(top_up=top_up_fields.show_top_up(opened))

        answer = await self._once.run(request, pb.AddFundsResponse, work)
        self._wake()
        return answer

    async def GetTopUp(self, request: pb.GetTopUpRequest, context: Any) -> pb.GetTopUpResponse:
        violations = Violations()
        top_up_id = parse_id(violations, "top_up_id", request.top_up_id)
        violations.raise_if_any()
        assert top_up_id is not None
        found = await top_ups.get_top_up(self._pool, current_caller().instance_id, top_up_id)
        return pb.GetTopUpResponse(top_up=top_up_fields.show_top_up(found))

    async def ListTopUps(
        self, request: pb.ListTopUpsRequest, context: Any
    ) -> pb.ListTopUpsResponse:
        fetch = partial(top_ups.list_top_ups, self._pool, current_caller().instance_id)
        found, token = await read_page(self._pages, request, fetch)
        return pb.ListTopUpsResponse(
            top_ups=map(top_up_fields.show_top_up, found), next_page_token=token
        )

    async def UpdateAutoBuy(
        self, request: pb.UpdateAutoBuyRequest, context: Any
    ) -> pb.UpdateAutoBuyResponse:
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.UpdateAutoBuyResponse:
            given, violations = request.auto_buy, Violations()
            mask = read_mask(violations, request.update_mask, top_up_fields.CHANGEABLE)
            etag = parse_etag(violations, given.etag, "auto_buy.etag")
            stored = await auto_buy.lock_auto_buy(db, instance_id)
            values = replace(stored.values, **top_up_fields.read_change(given, mask))
            check_auto_buy(violations, values, "auto_buy.")
            violations.raise_if_any()
            check_etag(etag, stored.version)
            if values.enabled and "enabled" in mask:
                await self._check_payments(db, instance_id)
            written = await auto_buy.write_auto_buy(db, instance_id, values)
            return pb.UpdateAutoBuyResponse(auto_buy=top_up_fields.show_auto_buy(written))

        answer = await self._once.run(request, pb.UpdateAutoBuyResponse, work)
        self._wake()
        return answer

    async def _check_payments(self, db: Database, instance_id: UUID) -> None:
        """Raises WrongState (PAYMENTS_NOT_CONFIGURED) where the instance cannot be charged."""
        if not self._payments:
            raise WrongState(
                Reason.PAYMENTS_NOT_CONFIGURED,
                "This server takes no payments; ask the platform operator to configure a payment "
                "gateway, or to adjust the balance.",
            )
        instance = await get_instance(db, instance_id)
        assert instance is not None
        currency = instance.values.currency
        if currency not in CHARGEABLE_CURRENCIES:
            raise WrongState(
                Reason.PAYMENTS_NOT_CONFIGURED,
                f"Payments are taken in hundredths of a currency, which {currency} does not "
                "have; ask the platform operator to adjust the balance.",
                currency=currency,
            )
