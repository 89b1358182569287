"""GET /v1/payment_intents/ID and GET /v1/payment_intents/search."""

import re
import time
from itertools import islice

from aiohttp import web

from outbound_sms.payments.sandbox.answers import Answer, error, invalid
from outbound_sms.payments.sandbox.config import SandboxConfig
from outbound_sms.payments.sandbox.payments import Payment, Payments

_BY_METADATA = re.compile(r"""metadata\[(["'])(.{1,40}?)\1\]:(["'])(.*)\3""")
_DEFAULT_LIMIT, _MAX_LIMIT = 10, 100


class Reading:
    """Handles the reading of payments. What is read while it is processing succeeds by that."""

    def __init__(self, config: SandboxConfig, payments: Payments) -> None:
        self._config = config
        self._payments = payments

    async def get(self, request: web.Request) -> web.StreamResponse:
        """The handler of GET /v1/payment_intents/ID: the payment as it is now."""
        payment = self._payments.get(request.match_info["payment_id"])
        if payment is None:
            return error(
                404, "invalid_request_error", "No such payment_intent", code="resource_missing"
            ).response()
        _settle(payment)
        return Answer(200, payment.resource()).response()

    async def search(self, request: web.Request) -> web.StreamResponse:
        """The handler of the search, by one value of the metadata; newest first."""
        asked = _BY_METADATA.fullmatch(request.query.get("query", ""))
        if asked is None:
            return invalid("The query cannot be read.", None, "query").response()
        try:
            limit = int(request.query.get("limit", _DEFAULT_LIMIT))
            below = int(request.query.get("page", "0"))
        except ValueError:
            return invalid("Invalid integer.", "parameter_invalid_integer", "limit").response()
        if not 1 <= limit <= _MAX_LIMIT:
            return invalid("limit must be from 1 to 100.", None, "limit").response()
        name, value = asked[2], asked[4].lower()
        until = time.time() - self._config.search_lag
        fitting = (
            payment
            for payment in self._payments.newest_first()
            if payment.metadata.get(name, "").lower() == value
            and name in payment.metadata
            and payment.created <= until
            and (not below or payment.sequence < below)
        )
        found = list(islice(fitting, limit + 1))
        page = found[:limit]
        for payment in page:
            _settle(payment)
        has_more = len(found) > limit
        return Answer(
            200,
            {
                "object": "search_result",
                "url": "/v1/payment_intents/search",
                "has_more": has_more,
                "next_page": str(page[-1].sequence) if has_more else None,
                "data": [payment.resource() for payment in page],
            },
        ).response()


def _settle(payment: Payment) -> None:
    if payment.status == "processing":
        payment.status = "succeeded"
