"""Charging through the sandbox: whatever breaks, a top-up is charged once at most."""

import asyncio
from urllib.parse import parse_qsl
from uuid import uuid4

import pytest
from aiohttp import web

from outbound_sms.payments.gateway import (
    Declined,
    NotCharged,
    NotFound,
    Paid,
    Unanswered,
)
from outbound_sms.payments.stripe import STRIPE_VERSION, StripeGateway
from tests.payments.harness import (
    API_KEY,
    Canned,
    Connect,
    RunSandbox,
    Sandbox,
    intent,
    make_charge,
)
from tests.waiting import wait_until


async def test_a_charge_is_sent_as_stripe_wants_it(canned: Canned, connect: Connect) -> None:
    charge = make_charge(amount_micros=1_234_560_000, currency="CAD", customer="cus_a&b=c")
    canned.answers = [intent(charge)]
    async with connect(canned.url) as gateway:
        assert await gateway.charge(charge) == Paid("pi_1")
    [(method, path, headers, body)] = canned.requests
    assert (method, path) == ("POST", "/v1/payment_intents")
    assert headers["Authorization"] == f"Bearer {API_KEY}"
    assert headers["Idempotency-Key"] == str(charge.top_up_id)
    assert headers["Stripe-Version"] == STRIPE_VERSION
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert dict(parse_qsl(body, strict_parsing=True)) == {
        "amount": "123456",
        "currency": "cad",
        "customer": "cus_a&b=c",
        "payment_method": "pm_card_visa",
        "confirm": "true",
        "off_session": "true",
        "error_on_requires_action": "true",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
        "metadata[top_up_id]": str(charge.top_up_id),
        "metadata[amount_micros]": "1234560000",
    }


async def test_a_card_without_a_customer_is_charged(
    sandbox: Sandbox, gateway: StripeGateway
) -> None:
    assert isinstance(await gateway.charge(make_charge(customer="")), Paid)


async def test_a_top_up_is_charged_once_however_often_it_is_asked(
    sandbox: Sandbox, gateway: StripeGateway
) -> None:
    charge = make_charge()
    first = await gateway.charge(charge)
    assert isinstance(first, Paid)
    assert [await gateway.charge(charge) for _ in range(3)] == [first] * 3
    [payment] = await sandbox.charged()
    assert payment["id"] == first.gateway_payment_id
    assert (payment["amount"], payment["currency"]) == (2500, "usd")
    assert payment["idempotency_key"] == str(charge.top_up_id)


@pytest.mark.parametrize("latency", [0.0, 0.1])
async def test_fifty_charges_at_once_with_one_key_charge_once(
    run_sandbox: RunSandbox, connect: Connect, latency: float
) -> None:
    charge = make_charge()
    async with run_sandbox(latency=latency) as sandbox:
        async with connect(sandbox.url) as one, connect(sandbox.url) as other:
            outcomes = await asyncio.gather(
                *((one, other)[turn % 2].charge(charge) for turn in range(50))
            )
            [payment] = await sandbox.charged()
            paid = Paid(payment["id"])
            assert paid in outcomes
            assert all(each == paid or isinstance(each, Unanswered) for each in outcomes)
            assert await one.charge(charge) == paid
        assert len(await sandbox.charged()) == 1


@pytest.mark.parametrize(
    ("payment_method", "code"),
    [
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
        ("pm_card_authenticationRequired", "authentication_required"),
    ],
)
async def test_a_declined_card_is_declined_again_and_found_declined(
    sandbox: Sandbox, gateway: StripeGateway, payment_method: str, code: str
) -> None:
    charge = make_charge(payment_method)
    first = await gateway.charge(charge)
    assert isinstance(first, Declined)
    assert first.code == code
    assert first.gateway_payment_id is not None
    assert await gateway.charge(charge) == first
    assert await gateway.find(charge.top_up_id) == first
    assert await sandbox.charged() == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"payment_method": "pm_sandbox_missing"}, "resource_missing"),
        ({"payment_method": "4242424242424242"}, "resource_missing"),
        ({"customer": "cus_sandbox_missing"}, "resource_missing"),
        ({"amount_micros": 490_000}, "amount_too_small"),
        ({"amount_micros": 1_000_000_000_000}, "amount_too_large"),
        ({"currency": "JPY"}, "http_400"),
    ],
)
async def test_what_stripe_cannot_carry_out_is_declined_and_leaves_nothing(
    sandbox: Sandbox, gateway: StripeGateway, changes: dict[str, object], code: str
) -> None:
    charge = make_charge(**changes)  # type: ignore[arg-type]
    assert await gateway.charge(charge) == Declined(code)
    assert await gateway.find(charge.top_up_id) == NotFound()


@pytest.mark.parametrize("payment_method", ["pm_sandbox_answer_lost", "pm_sandbox_error_after"])
async def test_a_charge_whose_answer_is_missing_is_charged_once_when_asked_again(
    sandbox: Sandbox, gateway: StripeGateway, payment_method: str
) -> None:
    charge = make_charge(payment_method)
    assert isinstance(await gateway.charge(charge), Unanswered)
    [payment] = await sandbox.charged()
    assert await gateway.charge(charge) == Paid(payment["id"])
    assert len(await sandbox.charged()) == 1


async def test_answers_that_are_lost_again_and_again_charge_once(
    sandbox: Sandbox, gateway: StripeGateway
) -> None:
    charge = make_charge()
    for fault in ("drop", "error-before", "answer-lost", "error-after", "429", "answer-lost"):
        assert await sandbox.request_fault(fault=fault) == 204
    seen = [type(await gateway.charge(charge)) for _ in range(7)]
    assert seen == [Unanswered] * 4 + [NotCharged, Unanswered, Paid]
    assert len(await sandbox.charged()) == 1


async def test_a_late_answer_is_unanswered_then_in_use_then_paid(
    run_sandbox: RunSandbox, connect: Connect
) -> None:
    charge = make_charge("pm_sandbox_late")
    async with run_sandbox(late_seconds=0.6) as sandbox:
        async with connect(sandbox.url, total_timeout=0.3, connect_timeout=0.2) as impatient:
            assert await impatient.charge(charge) == Unanswered("TimeoutError")
            assert await impatient.charge(charge) == Unanswered("HTTP 409 idempotency_key_in_use")
        async with connect(sandbox.url) as gateway:

            async def is_paid() -> bool:
                return isinstance(await gateway.charge(charge), Paid)

            await wait_until(is_paid, describe="the key is free")
        assert len(await sandbox.charged()) == 1


@pytest.mark.parametrize(
    ("payment_method", "outcome"),
    [("pm_sandbox_error_before", Unanswered), ("pm_sandbox_throttled_once", NotCharged)],
)
async def test_what_fails_before_the_charge_is_charged_when_asked_again(
    sandbox: Sandbox, gateway: StripeGateway, payment_method: str, outcome: type
) -> None:
    charge = make_charge(payment_method)
    assert isinstance(await gateway.charge(charge), outcome)
    assert await sandbox.charged() == []
    assert isinstance(await gateway.charge(charge), Paid)
    assert len(await sandbox.charged()) == 1


async def test_a_stored_server_error_is_looked_behind_when_it_comes_again(
    run_sandbox: RunSandbox, connect: Connect
) -> None:
    charge = make_charge("pm_sandbox_error_stored")
    async with run_sandbox(search_lag=0.5) as sandbox, connect(sandbox.url) as gateway:
        assert isinstance(await gateway.charge(charge), Unanswered)
        assert isinstance(await gateway.charge(charge), Unanswered)
        assert await gateway.find(charge.top_up_id) == NotFound()
        [payment] = await sandbox.charged()

        async def is_paid() -> bool:
            return await gateway.charge(charge) == Paid(payment["id"])

        await wait_until(is_paid, describe="the payment can be found")
        assert len(await sandbox.charged()) == 1


async def test_a_stored_processing_is_looked_behind_when_it_comes_again(
    canned: Canned, connect: Connect
) -> None:
    charge = make_charge()
    replayed = web.json_response(
        intent(charge, "processing"), headers={"Idempotent-Replayed": "true"}
    )
    async with connect(canned.url) as gateway:
        for now, outcome in (
            (intent(charge), "Paid"),
            (intent(charge, "processing"), "Processing"),
            (intent(charge, "requires_payment_method"), "Declined"),
            ({"error": {"type": "api_error"}}, "Processing"),
            (intent(make_charge()), "Processing"),
        ):
            canned.answers = [replayed, now]
            canned.requests.clear()
            assert type(await gateway.charge(charge)).__name__ == outcome
            assert [request[:2] for request in canned.requests] == [
                ("POST", "/v1/payment_intents"),
                ("GET", "/v1/payment_intents/pi_1"),
            ]


async def test_a_processing_payment_is_paid_once_it_has_been_processed(
    sandbox: Sandbox, gateway: StripeGateway
) -> None:
    charge = make_charge("pm_sandbox_processing")
    first = await gateway.charge(charge)
    assert type(first).__name__ == "Processing"
    assert await sandbox.charged() == []
    assert type(await gateway.charge(charge)) is Paid
    assert type(await gateway.find(charge.top_up_id)) is Paid
    assert len(await sandbox.charged()) == 1


async def test_the_same_key_for_another_amount_is_never_taken_for_declined(
    sandbox: Sandbox, gateway: StripeGateway
) -> None:
    charge = make_charge()
    await gateway.charge(charge)
    other = make_charge(top_up_id=charge.top_up_id, amount_micros=26_000_000)
    assert isinstance(await gateway.charge(other), Unanswered)
    assert len(await sandbox.charged()) == 1


async def test_a_forgotten_key_would_charge_again_and_find_does_not(
    run_sandbox: RunSandbox, connect: Connect
) -> None:
    charge = make_charge("pm_sandbox_answer_lost")
    async with run_sandbox(key_seconds=0.0) as sandbox, connect(sandbox.url) as gateway:
        assert isinstance(await gateway.charge(charge), Unanswered)
        [payment] = await sandbox.charged()
        assert await gateway.find(charge.top_up_id) == Paid(payment["id"])
        assert len(await sandbox.charged()) == 1
        await gateway.charge(charge)
        assert len(await sandbox.charged()) == 2


async def test_a_wrong_api_key_charges_nothing(run_sandbox: RunSandbox, connect: Connect) -> None:
    other_account = run_sandbox(api_key="sk_test_another")
    async with other_account as sandbox, connect(sandbox.url) as gateway:
        assert isinstance(await gateway.charge(make_charge()), NotCharged)
        assert isinstance(await gateway.find(uuid4()), Unanswered)
