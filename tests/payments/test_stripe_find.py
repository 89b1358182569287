"""What became of a charge whose key may be forgotten: nothing is concluded from half an answer."""

from typing import Any
from uuid import UUID

import pytest
from aiohttp import web

from outbound_sms.payments.gateway import Declined, NotFound, Paid, Processing, Unanswered
from tests.payments.harness import Canned, Connect, intent, make_charge

CHARGE = make_charge()
FIRST, SECOND = {"id": "pi_first"}, {"id": "pi_second"}


def found(*intents: Any, has_more: bool = False) -> dict[str, Any]:
    return {"object": "search_result", "data": list(intents), "has_more": has_more}


async def test_the_search_asks_for_the_top_up_alone(canned: Canned, connect: Connect) -> None:
    canned.answers = [found()]
    async with connect(canned.url) as gateway:
        assert await gateway.find(UUID(int=7)) == NotFound()
    [(method, path, headers, _)] = canned.requests
    assert method == "GET"
    assert path.startswith("/v1/payment_intents/search?query=")
    assert f"{UUID(int=7)}" in path
    assert headers["Authorization"].startswith("Bearer ")
    assert "Idempotency-Key" not in headers


async def test_of_several_payments_the_succeeded_one_counts(
    canned: Canned, connect: Connect
) -> None:
    declined = intent(CHARGE, "requires_payment_method", **FIRST)
    async with connect(canned.url) as gateway:
        for intents in (
            (declined, intent(CHARGE, **SECOND)),
            (intent(CHARGE, **SECOND), declined),
            (intent(CHARGE, "processing", **FIRST), intent(CHARGE, **SECOND)),
        ):
            canned.answers = [found(*intents, has_more=True)]
            assert await gateway.find(CHARGE.top_up_id) == Paid("pi_second")


async def test_what_has_not_succeeded_is_read_as_it_is_now(
    canned: Canned, connect: Connect
) -> None:
    stale = intent(CHARGE, "requires_payment_method")
    async with connect(canned.url) as gateway:
        for now, outcome in (
            (intent(CHARGE), Paid("pi_1")),
            (intent(CHARGE, "processing"), Processing("pi_1")),
            (stale, Declined("requires_payment_method", "pi_1")),
        ):
            canned.answers = [found(stale), now]
            assert await gateway.find(CHARGE.top_up_id) == outcome
            assert canned.requests[-1][1] == "/v1/payment_intents/pi_1"


async def test_one_that_may_yet_succeed_outweighs_those_that_are_declined(
    canned: Canned, connect: Connect
) -> None:
    declined = intent(CHARGE, "canceled", **FIRST)
    processing = intent(CHARGE, "processing", **SECOND)
    broken = web.json_response({"error": {"type": "api_error"}}, status=500)
    async with connect(canned.url) as gateway:
        canned.answers = [found(declined, processing), declined, processing]
        assert await gateway.find(CHARGE.top_up_id) == Processing("pi_second")
        canned.answers = [found(declined, processing), broken, processing]
        assert await gateway.find(CHARGE.top_up_id) == Processing("pi_second")
        canned.answers = [found(declined, processing), declined, broken]
        assert isinstance(await gateway.find(CHARGE.top_up_id), Unanswered)


@pytest.mark.parametrize(
    "answer",
    [
        web.json_response({"error": {"type": "api_error"}}, status=500),
        web.json_response({"error": {"type": "invalid_request_error"}}, status=400),
        web.json_response({"error": {"type": "invalid_request_error"}}, status=404),
        web.json_response({"error": {"type": "invalid_request_error"}}, status=401),
        web.json_response({"error": {"type": "rate_limit"}}, status=429),
        web.json_response(found(), status=302),
        web.Response(body=b"<html>"),
        {},
        {"data": None},
        found(has_more=True),
        found(intent(CHARGE, "requires_payment_method"), has_more=True),
        found(intent(CHARGE, "unheard_of")),
        found(intent(CHARGE, amount_received=1)),
        found(intent(CHARGE, id="../../evil")),
    ],
)
async def test_an_answer_that_does_not_settle_it_concludes_nothing(
    canned: Canned, connect: Connect, answer: web.Response | dict[str, Any]
) -> None:
    canned.answers = [answer]
    async with connect(canned.url) as gateway:
        assert isinstance(await gateway.find(CHARGE.top_up_id), Unanswered)
    assert all("evil" not in path for _, path, _, _ in canned.requests)


async def test_payments_of_other_top_ups_are_not_this_one(canned: Canned, connect: Connect) -> None:
    canned.answers = [found(intent(make_charge()), None, {"id": "pi_2"})]
    async with connect(canned.url) as gateway:
        assert await gateway.find(CHARGE.top_up_id) == NotFound()
