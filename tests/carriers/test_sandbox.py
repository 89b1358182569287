"""The sandbox as a carrier: what it accepts, refuses, lists, and tells."""

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest
from twilio.request_validator import RequestValidator

from outbound_sms.carriers.sandbox.app import build_app
from outbound_sms.carriers.sandbox.config import SandboxConfig
from outbound_sms.carriers.sandbox.rate import TokenBucket
from tests.carriers.harness import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    CallbackReceiver,
    RunSandbox,
    Sandbox,
)

FORM = {"To": "+14165550123", "From": "+12125550100", "Body": "Service is back."}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"To": ""}, 21604),
        ({"To": "5550123"}, 21211),
        ({"To": "+1416555012a"}, 21211),
        ({"From": ""}, 21603),
        ({"From": "us"}, 21212),
        ({"Body": ""}, 21602),
        ({"Body": " \n"}, 21602),
        ({"Body": "a" * 1601}, 21617),
        ({"StatusCallback": "ftp://host/"}, 21609),
        ({"ValidityPeriod": "0"}, 21624),
        ({"ValidityPeriod": "36001"}, 21624),
        ({"ValidityPeriod": "1e3"}, 21624),
        ({"ValidityPeriod": "9" * 5_000}, 21624),
        ({"From": "", "MessagingServiceSid": "PN1"}, 21705),
        ({"To": "+12045550195"}, 21211),
        ({"To": "+12045550196"}, 21610),
        ({"To": "+12045550197"}, 21614),
    ],
)
async def test_a_bad_submission_is_refused_with_twilios_code_and_body(
    sandbox: Sandbox, changes: dict[str, str], code: int
) -> None:
    status, answer = await sandbox.post(**FORM | changes)
    assert status == 400
    assert answer["code"] == code
    assert answer["status"] == 400
    assert answer["more_info"].endswith(f"/{code}")
    assert await sandbox.accepted() == []


@pytest.mark.parametrize("body", [b"\xff", b"&".join([b"a=1"] * 60)])
async def test_what_is_not_a_form_is_refused(sandbox: Sandbox, body: bytes) -> None:
    async with sandbox.session.post(sandbox.messages_url, data=body) as response:
        assert response.status == 400


async def test_only_the_account_with_its_secret_gets_in(sandbox: Sandbox) -> None:
    wrong = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, "wrong")}
    paths = [sandbox.messages_url, f"{sandbox.url}/control/accepted", f"{sandbox.url}/elsewhere"]
    async with aiohttp.ClientSession() as session:
        for url in paths:
            for headers in ({}, wrong):
                async with session.get(url, headers=headers) as response:
                    assert response.status == 401
                    assert (await response.json())["code"] == 20003
    async with sandbox.session.get(f"{sandbox.url}/elsewhere") as response:
        assert response.status == 404
        assert (await response.json())["code"] == 20404


@pytest.mark.parametrize(
    ("local", "statuses", "code"),
    [
        ("0123", ["queued", "sent", "delivered"], None),
        ("0190", ["queued", "sent", "undelivered"], "30003"),
        ("0191", ["queued", "sent", "undelivered"], "30005"),
        ("0192", ["queued", "sent", "undelivered"], "30006"),
        ("0193", ["queued", "sent", "undelivered"], "30007"),
        ("0194", ["queued", "failed"], "30008"),
        ("0198", ["queued", "sent"], None),
    ],
)
async def test_the_number_decides_what_becomes_of_the_message(
    sandbox: Sandbox,
    callback_receiver: CallbackReceiver,
    local: str,
    statuses: list[str],
    code: str | None,
) -> None:
    form = FORM | {"To": f"+1867555{local}", "StatusCallback": callback_receiver.url}
    status, answer = await sandbox.post(**form)
    assert (status, answer["status"]) == (201, "queued")
    await sandbox.settled()
    assert callback_receiver.statuses(answer["sid"]) == statuses
    assert dict(callback_receiver.received[-1].pairs).get("ErrorCode") == code
    shown = await sandbox.get(f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{answer['sid']}.json")
    assert shown["status"] == statuses[-1]
    assert shown["error_code"] == (int(code) if code else None)


async def test_the_throttled_number_passes_when_repeated(sandbox: Sandbox) -> None:
    form = FORM | {"To": "+12045550199"}
    assert [(await sandbox.post(**form))[0] for _ in range(3)] == [429, 201, 201]


async def test_callbacks_are_signed_as_twilio_signs_them(
    sandbox: Sandbox, callback_receiver: CallbackReceiver
) -> None:
    url = callback_receiver.url + "?attempt=1&s=a%2Fb%3D"
    await sandbox.post(**FORM | {"StatusCallback": url})
    for callback in await callback_receiver.until(3):
        assert RequestValidator(AUTH_TOKEN).validate(url, dict(callback.pairs), callback.signature)
        assert dict(callback.pairs)["AccountSid"] == ACCOUNT_SID


async def test_callbacks_that_fail_are_repeated_and_keep_their_order(
    sandbox: Sandbox, callback_receiver: CallbackReceiver
) -> None:
    callback_receiver.failures = 8
    form = FORM | {"StatusCallback": callback_receiver.url}
    sids = [(await sandbox.post(**form))[1]["sid"] for _ in range(4)]
    await callback_receiver.until(12)
    for sid in sids:
        assert callback_receiver.statuses(sid) == ["queued", "sent", "delivered"]


async def test_callbacks_that_always_fail_are_given_up(
    run_sandbox: RunSandbox, callback_receiver: CallbackReceiver
) -> None:
    callback_receiver.failures = 1_000
    async with run_sandbox(callback_attempts=3) as sandbox:
        _, answer = await sandbox.post(**FORM | {"StatusCallback": callback_receiver.url})
        statistics = await sandbox.settled()
        path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{answer['sid']}.json"
        assert (await sandbox.get(path))["status"] == "delivered"
    assert callback_receiver.failures == 1_000 - 3 * 3
    assert (statistics["callbacks_told"], statistics["callbacks_abandoned"]) == (0, 3)


async def test_an_unreachable_callback_address_harms_nobody(
    sandbox: Sandbox, callback_receiver: CallbackReceiver
) -> None:
    for address in ("http://carrier.invalid/", "http://127.0.0.1:99999/", "http://[::1/"):
        await sandbox.post(**FORM | {"StatusCallback": address})
    _, answer = await sandbox.post(**FORM | {"StatusCallback": callback_receiver.url})
    await sandbox.settled()
    assert callback_receiver.statuses(answer["sid"]) == ["queued", "sent", "delivered"]


async def test_the_list_filters_and_pages(sandbox: Sandbox) -> None:
    sids = []
    for nth in range(7):
        sids.append((await sandbox.post(**FORM | {"Body": f"Text {nth}"}))[1]["sid"])
    await sandbox.post(**FORM | {"To": "+14165550124"})
    await sandbox.post(**FORM | {"From": "+12125550102"})
    path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
    query = {"To": FORM["To"], "From": FORM["From"], "PageSize": "3"}
    page = await sandbox.get(path, **query)
    listed, sizes = [row["sid"] for row in page["messages"]], [len(page["messages"])]
    while page["next_page_uri"]:
        async with sandbox.session.get(sandbox.url + page["next_page_uri"]) as response:
            page = await response.json()
        listed += [row["sid"] for row in page["messages"]]
        sizes.append(len(page["messages"]))
    assert listed == sids[::-1]
    assert sizes == [3, 3, 1]
    assert len((await sandbox.get(path))["messages"]) == 9


async def test_the_list_by_date_leaves_out_what_was_not_sent_yet(run_sandbox: RunSandbox) -> None:
    path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
    async with run_sandbox(receipt_delay=30.0) as sandbox:
        await sandbox.post(**FORM)
        assert (await sandbox.get(path, **{"DateSent>": "2026-01-01"}))["messages"] == []
    async with run_sandbox() as sandbox:
        await sandbox.post(**FORM)
        await sandbox.settled()
        assert len((await sandbox.get(path, **{"DateSent>": "2026-01-01"}))["messages"]) == 1
        assert (await sandbox.get(path, **{"DateSent>": "2999-01-01T00:00:00Z"}))["messages"] == []


@pytest.mark.parametrize("query", [{"PageSize": "x"}, {"PageToken": "PAx"}, {"DateSent>": "soon"}])
async def test_a_list_request_that_cannot_be_read_is_refused(
    sandbox: Sandbox, query: dict[str, str]
) -> None:
    async with sandbox.session.get(sandbox.messages_url, params=query) as response:
        assert response.status == 400


async def test_only_the_last_messages_are_retained_and_the_log_keeps_all(
    run_sandbox: RunSandbox, tmp_path: Path
) -> None:
    log = tmp_path / "accepted.jsonl"
    async with run_sandbox(retained=3, accept_log=log) as sandbox:
        sids = [(await sandbox.post(**FORM))[1]["sid"] for _ in range(5)]
        assert [entry["sid"] for entry in await sandbox.accepted()] == sids[2:]
        path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{sids[0]}.json"
        async with sandbox.session.get(sandbox.url + path) as response:
            assert (response.status, (await response.json())["code"]) == (404, 20404)
        # Read while it still runs: a line is there as soon as its submission is answered.
        entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert [entry["sid"] for entry in entries] == sids
    assert entries[0] | {"time": "", "sid": ""} == {
        "sid": "",
        "to": FORM["To"],
        "from": FORM["From"],
        "messaging_service_sid": None,
        "body": FORM["Body"],
        "time": "",
        "status_callback": None,
    }


async def test_the_rate_is_kept_in_segments(run_sandbox: RunSandbox) -> None:
    async with run_sandbox(segments_per_second=4.0) as sandbox:
        two_segments = FORM | {"Body": "a" * 200}
        statuses = [(await sandbox.post(**two_segments))[0] for _ in range(3)]
        async with sandbox.session.post(sandbox.messages_url, data=two_segments) as response:
            assert response.headers["Retry-After"] == "1"
            assert (await response.json())["code"] == 20429
        assert statuses == [201, 201, 429]
        assert len(await sandbox.accepted()) == 2


def test_the_bucket_lets_its_rate_through_and_no_more() -> None:
    now = 0.0
    bucket = TokenBucket(10.0, lambda: now)
    passed = 0
    for tick in range(1_000):
        now = tick / 100
        passed += 3 if bucket.take(3) == 0.0 else 0
    assert 100 <= passed <= 110


def test_the_bucket_says_how_long_to_wait_and_lets_a_long_message_pass_at_last() -> None:
    now = 0.0
    bucket = TokenBucket(2.0, lambda: now)
    assert bucket.take(5) == 0.0
    wait = bucket.take(1)
    assert wait == pytest.approx(2.0)
    now = wait
    assert bucket.take(1) == 0.0


async def test_latency_holds_the_answer_and_not_the_acceptance(run_sandbox: RunSandbox) -> None:
    async with run_sandbox(latency=0.2) as sandbox:
        started = asyncio.get_running_loop().time()
        assert (await sandbox.post(**FORM))[0] == 201
        assert asyncio.get_running_loop().time() - started >= 0.2


def test_an_account_id_that_is_no_id_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="account_sid"):
        build_app(SandboxConfig("AC{x}", AUTH_TOKEN))
