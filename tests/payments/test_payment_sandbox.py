"""The sandbox speaks Stripe: Stripe's own client reads its answers."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import aiohttp
import pytest
import stripe

from tests.payments.harness import API_KEY, RunSandbox, Sandbox

Answer = TypeVar("Answer")

FORM = {
    "amount": "2500",
    "currency": "usd",
    "customer": "cus_northwind",
    "payment_method": "pm_card_visa",
    "confirm": "true",
    "off_session": "true",
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
    "metadata[top_up_id]": "a-top-up",
}


class Official:
    """Stripe's client, pointed at the sandbox. It blocks, so it runs in a thread."""

    def __init__(self, url: str, api_key: str = API_KEY) -> None:
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": url},
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=5),
        )

    async def create(self, key: str | None = None, **changes: Any) -> stripe.PaymentIntent:
        params: Any = {
            "amount": 2500,
            "currency": "usd",
            "customer": "cus_northwind",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "off_session": True,
            "error_on_requires_action": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"top_up_id": "a-top-up"},
        } | changes
        options: Any = {"idempotency_key": key} if key else {}
        intents = self._client.v1.payment_intents
        return await self._run(lambda: intents.create(params, options))

    async def retrieve(self, payment_id: str) -> stripe.PaymentIntent:
        return await self._run(lambda: self._client.v1.payment_intents.retrieve(payment_id))

    async def search(self, top_up_id: str, **params: Any) -> stripe.SearchResultObject[Any]:
        query: Any = {"query": f'metadata["top_up_id"]:"{top_up_id}"'} | params
        return await self._run(lambda: self._client.v1.payment_intents.search(query))

    async def _run(self, call: Callable[[], Answer]) -> Answer:
        return await asyncio.to_thread(call)


@pytest.fixture
def official(sandbox: Sandbox) -> Official:
    return Official(sandbox.url)


async def test_stripes_client_creates_reads_and_finds_a_payment(official: Official) -> None:
    made = await official.create("key-1")
    assert (made.status, made.amount, made.amount_received) == ("succeeded", 2500, 2500)
    assert made.metadata["top_up_id"] == "a-top-up"
    assert (await official.retrieve(made.id)).status == "succeeded"
    await official.create(metadata={"top_up_id": "another"})
    found = await official.search("A-TOP-UP")
    assert [each.id for each in found.data] == [made.id]
    assert not found.has_more
    assert (await official.search("none")).data == []


async def test_stripes_client_pages_through_a_search(official: Official) -> None:
    made = [(await official.create()).id for _ in range(3)]
    first = await official.search("a-top-up", limit=2)
    assert first.has_more
    second = await official.search("a-top-up", limit=2, page=first.next_page)
    assert not second.has_more
    assert [each.id for each in (*first.data, *second.data)] == made[::-1]


@pytest.mark.parametrize(
    ("payment_method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_authenticationRequired", "authentication_required", "authentication_required"),
    ],
)
async def test_stripes_client_raises_a_card_error_for_a_decline(
    official: Official, payment_method: str, code: str, decline_code: str
) -> None:
    for _ in range(2):
        with pytest.raises(stripe.CardError) as caught:
            await official.create("key-1", payment_method=payment_method)
        assert caught.value.http_status == 402
        assert caught.value.code == code
        error: Any = caught.value.error
        assert error.decline_code == decline_code
        assert error.payment_intent.status == "requires_payment_method"
        assert error.payment_intent.last_payment_error.decline_code == decline_code


async def test_stripes_client_raises_an_idempotency_error_for_other_parameters(
    sandbox: Sandbox, official: Official
) -> None:
    first = await official.create("key-1")
    assert (await official.create("key-1")).id == first.id
    with pytest.raises(stripe.IdempotencyError):
        await official.create("key-1", amount=2600)
    assert len(await sandbox.charged()) == 1


async def test_a_key_in_use_is_refused_with_409(run_sandbox: RunSandbox) -> None:
    async with run_sandbox(latency=0.3) as sandbox:
        answers = await asyncio.gather(*(sandbox.post(FORM, "key-1") for _ in range(2)))
        assert sorted(status for status, _, _ in answers) == [200, 409]
        [busy] = [body for status, body, _ in answers if status == 409]
        assert busy["error"]["code"] == "idempotency_key_in_use"
        assert len(await sandbox.charged()) == 1


async def test_a_repeated_key_gets_the_stored_answer_and_says_so(sandbox: Sandbox) -> None:
    for method in ("pm_card_visa", "pm_card_chargeDeclined"):
        form = FORM | {"payment_method": method}
        status, body, replayed = await sandbox.post(form, method)
        assert not replayed
        assert await sandbox.post(form, method) == (status, body, True)
    statistics = await sandbox.get("/sandbox/statistics")
    assert statistics == {"requests": 4, "replayed": 2}


async def test_without_a_key_each_request_charges(sandbox: Sandbox) -> None:
    for _ in range(2):
        assert (await sandbox.post(FORM))[0] == 200
    assert len(await sandbox.charged()) == 2


@pytest.mark.parametrize(
    ("changes", "error_class", "code"),
    [
        ({"amount": 49}, stripe.InvalidRequestError, "amount_too_small"),
        ({"amount": 100_000_000}, stripe.InvalidRequestError, "amount_too_large"),
        ({"amount": "x"}, stripe.InvalidRequestError, "parameter_invalid_integer"),
        ({"currency": "USD"}, stripe.InvalidRequestError, None),
        ({"payment_method": "card_1"}, stripe.InvalidRequestError, "resource_missing"),
        ({"colour": "red"}, stripe.InvalidRequestError, "parameter_unknown"),
        ({"confirm": False}, stripe.InvalidRequestError, None),
        ({"automatic_payment_methods": {"enabled": True}}, stripe.InvalidRequestError, None),
        ({"metadata": {"top_up_id": "x" * 501}}, stripe.InvalidRequestError, None),
    ],
)
async def test_what_stripe_refuses_is_refused_and_leaves_the_key_free(
    sandbox: Sandbox,
    official: Official,
    changes: dict[str, Any],
    error_class: type[stripe.StripeError],
    code: str | None,
) -> None:
    with pytest.raises(error_class) as caught:
        await official.create("key-1", **changes)
    assert caught.value.code == code
    assert (await sandbox.get("/sandbox/payments"))["payments"] == []
    assert (await official.create("key-1")).status == "succeeded"


async def test_only_the_account_with_its_key_gets_in(sandbox: Sandbox) -> None:
    with pytest.raises(stripe.AuthenticationError):
        await Official(sandbox.url, "sk_test_wrong").create()
    paths = ["/v1/payment_intents/search", "/sandbox/payments", "/elsewhere"]
    async with aiohttp.ClientSession() as session:
        for path in paths:
            async with session.get(sandbox.url + path) as response:
                assert response.status == 401
    async with sandbox.session.get(f"{sandbox.url}/elsewhere") as response:
        assert response.status == 404


async def test_stripes_client_understands_the_other_failures(
    sandbox: Sandbox, official: Official
) -> None:
    for fault, error_class in (
        ("429", stripe.RateLimitError),
        ("error-before", stripe.APIError),
        ("drop", stripe.APIConnectionError),
    ):
        assert await sandbox.request_fault(fault=fault) == 204
        with pytest.raises(error_class):
            await official.create()
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await official.retrieve("pi_none")
    assert caught.value.code == "resource_missing"


async def test_a_requested_fault_waits_for_its_payment_method_and_can_be_forgotten(
    sandbox: Sandbox,
) -> None:
    await sandbox.request_fault(fault="429", payment_method="pm_other", count=2)
    assert (await sandbox.post(FORM))[0] == 200
    assert (await sandbox.post(FORM | {"payment_method": "pm_other"}))[0] == 429
    async with sandbox.session.delete(f"{sandbox.url}/sandbox/faults") as response:
        assert response.status == 204
    assert (await sandbox.post(FORM | {"payment_method": "pm_other"}))[0] == 200


@pytest.mark.parametrize(
    "wanted",
    [{}, {"fault": "flood"}, {"fault": "429", "count": 0}, {"fault": "429", "payment_method": 7}],
)
async def test_a_fault_that_is_none_is_refused(sandbox: Sandbox, wanted: dict[str, Any]) -> None:
    assert await sandbox.request_fault(**wanted) == 400


@pytest.mark.parametrize("body", [b"\xff", b"&".join([b"a=1"] * 120)])
async def test_what_is_not_a_form_is_refused(sandbox: Sandbox, body: bytes) -> None:
    url = f"{sandbox.url}/v1/payment_intents"
    async with sandbox.session.post(url, data=body) as response:
        assert response.status == 400


@pytest.mark.parametrize("query", ["query=amount>7", "", "query=metadata['a']:'b'&limit=101"])
async def test_a_search_that_is_not_understood_is_refused(sandbox: Sandbox, query: str) -> None:
    url = f"{sandbox.url}/v1/payment_intents/search?{query}"
    async with sandbox.session.get(url) as response:
        assert response.status == 400
