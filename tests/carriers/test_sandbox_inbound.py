"""What phones text back, as the sandbox tells it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from twilio.request_validator import RequestValidator

from outbound_sms.carriers.sandbox.inbound import inbound_url
from outbound_sms.sandbox_server import serving
from tests.carriers.harness import ACCOUNT_SID, AUTH_TOKEN, RunSandbox, Sandbox

STOP = {"from": "+14165550123", "to": "+12125550100", "body": "ARR\u00caT & stop\n"}
FORM = {"To": "+14165550123", "From": "+12125550100", "Body": "Service is back."}


@dataclass
class Server:
    """Takes inbound texts and receipts at `url`, and keeps the addresses, forms and signatures."""

    url: str = ""
    status: int = 200
    pause: float = 0.0
    told: list[tuple[str, dict[str, str], str]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        if "/receipts/" not in request.path:
            self.told.append((str(request.url), form, request.headers["X-Twilio-Signature"]))
        await asyncio.sleep(self.pause)
        return web.Response(status=self.status, text="<Response/>", content_type="text/xml")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_post("/{any:.*}", server.handle)
    async with serving(app, "127.0.0.1", 0) as server.url:
        yield server


async def reply(sandbox: Sandbox, given: object) -> tuple[int, dict[str, Any]]:
    async with sandbox.session.post(f"{sandbox.url}/sandbox/inbound", json=given) as response:
        return response.status, await response.json()


async def test_a_reply_is_told_and_signed_as_twilio_does_it(
    run_sandbox: RunSandbox, server: Server
) -> None:
    async with run_sandbox(inbound_url=f"{server.url}/inbound/x?y=1%2F2") as sandbox:
        status, answer = await reply(sandbox, STOP)
    [(url, form, signature)] = server.told
    assert url == f"{server.url}/inbound/x?y=1%2F2"
    assert RequestValidator(AUTH_TOKEN).validate(url, form, signature)
    assert not RequestValidator("another token").validate(url, form, signature)
    assert {name: form[name] for name in ("AccountSid", "From", "To", "Body", "SmsStatus")} == {
        "AccountSid": ACCOUNT_SID,
        "From": STOP["from"],
        "To": STOP["to"],
        "Body": STOP["body"],
        "SmsStatus": "received",
    }
    sid = form["MessageSid"]
    assert (form["SmsSid"], form["SmsMessageSid"], len(sid)) == (sid, sid, 34)
    assert (status, answer) == (
        200,
        {"message_sid": sid, "status": 200, "body": "<Response/>"},
    )


async def test_each_reply_has_an_id_of_its_own_and_the_answer_is_handed_on(
    run_sandbox: RunSandbox, server: Server
) -> None:
    server.status = 503
    async with run_sandbox(inbound_url=f"{server.url}/inbound/x") as sandbox:
        answers = [(await reply(sandbox, STOP))[1] for _ in range(2)]
    assert [each["status"] for each in answers] == [503, 503]
    assert len({form["MessageSid"] for _, form, _ in server.told}) == 2


async def test_without_an_address_the_server_that_texted_last_is_told(
    sandbox: Sandbox, server: Server
) -> None:
    assert (await reply(sandbox, STOP))[0] == 409
    callback = f"{server.url}/sms/receipts/elsewhere?m=1&a=1&s=2"
    await sandbox.post(**FORM | {"StatusCallback": callback})
    await sandbox.post(**FORM)
    await sandbox.settled()
    assert (await reply(sandbox, STOP))[0] == 200
    assert [url for url, _, _ in server.told] == [f"{server.url}/sms/inbound/elsewhere"]


async def test_no_answer_is_an_error_of_its_own(run_sandbox: RunSandbox, server: Server) -> None:
    server.pause = 5.0
    address = f"{server.url}/inbound/x"
    async with run_sandbox(inbound_url=address, inbound_timeout=0.2) as sandbox:
        assert (await reply(sandbox, STOP))[0] == 502
    async with run_sandbox(inbound_url="http://carrier.invalid/") as sandbox:
        status, answer = await reply(sandbox, STOP)
    assert status == 502
    assert answer["error"].startswith("no answer")


@pytest.mark.parametrize(
    "given",
    [
        {},
        [],
        "STOP",
        STOP | {"from": "5550123"},
        STOP | {"to": None},
        STOP | {"body": 1},
        STOP | {"body": "a" * 1601},
    ],
)
async def test_what_no_phone_can_send_is_refused(
    run_sandbox: RunSandbox, server: Server, given: object
) -> None:
    async with run_sandbox(inbound_url=f"{server.url}/inbound/x") as sandbox:
        status, answer = await reply(sandbox, given)
    assert status == 400
    assert "E.164" in answer["error"]
    assert server.told == []


def test_an_address_that_is_not_one_for_receipts_gives_none_for_inbound_texts() -> None:
    assert inbound_url(iter(["http://host/callback?x=/receipts/a", "http://host/"])) is None
