"""A sandbox, and a place where its callbacks arrive: in the test's own process, on free ports."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import aiohttp
from aiohttp import web

from outbound_sms.carriers import signature
from outbound_sms.carriers.carrier import Callback, LookUp, Submission
from outbound_sms.carriers.twilio import TwilioCarrier
from tests.waiting import wait_until

ACCOUNT_SID = "AC00000000000000000000000000000001"
AUTH_TOKEN = "a-test-token"

MakeSubmission = Callable[..., Submission]
Connect = Callable[..., AbstractAsyncContextManager[TwilioCarrier]]


def form_callback(
    form: Mapping[str, str] | Sequence[tuple[str, str]],
    url: str = "",
    signed: str = "",
    settings: str | None = None,
) -> Callback:
    """A callback with a form, as Twilio makes it: its signature, and what says how it was made."""
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        signature.HEADER.lower(): signed,
    }
    if settings is not None:
        headers[signature.SETTINGS_HEADER.lower()] = settings
    return Callback(url, headers, urlencode(form).encode())


@dataclass
class Received:
    """One callback as it arrived."""

    url: str
    pairs: list[tuple[str, str]]
    signature: str

    @property
    def sid(self) -> str:
        return dict(self.pairs)["MessageSid"]

    @property
    def status(self) -> str:
        return dict(self.pairs)["MessageStatus"]


@dataclass
class CallbackReceiver:
    """Takes callbacks at `url`. The next `failures` of them are answered with 503."""

    url: str = ""
    failures: int = 0
    received: list[Received] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        pairs = parse_qsl((await request.read()).decode(), keep_blank_values=True)
        signature = request.headers["X-Twilio-Signature"]
        if self.failures > 0:
            self.failures -= 1
            return web.Response(status=503)
        self.received.append(Received(str(request.url), pairs, signature))
        return web.Response(status=204)

    async def until(self, count: int) -> list[Received]:
        """Waits until so many callbacks were taken."""
        await wait_until(lambda: len(self.received) >= count, describe=f"{count} callbacks")
        return self.received

    def statuses(self, sid: str) -> list[str]:
        return [callback.status for callback in self.received if callback.sid == sid]


@dataclass
class Sandbox:
    """A running sandbox and an HTTP session that is logged in to it."""

    url: str
    session: aiohttp.ClientSession

    @property
    def messages_url(self) -> str:
        return f"{self.url}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"

    async def post(self, **form: str) -> tuple[int, dict[str, Any]]:
        async with self.session.post(self.messages_url, data=form) as response:
            return response.status, await response.json()

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        async with self.session.get(self.url + path, params=query) as response:
            assert response.status == 200, await response.text()
            answer: dict[str, Any] = await response.json()
            return answer

    async def accepted(self) -> list[dict[str, Any]]:
        accepted: list[dict[str, Any]] = (await self.get("/control/accepted"))["accepted"]
        return accepted

    async def request_fault(self, **wanted: object) -> int:
        async with self.session.post(f"{self.url}/control/faults", json=wanted) as response:
            return response.status

    async def settled(self) -> dict[str, Any]:
        """The statistics, once no message has a status before it any more."""

        async def statistics_at_rest() -> dict[str, Any]:
            statistics = await self.get("/control/statistics")
            return {} if statistics["travelling"] else statistics

        return await wait_until(statistics_at_rest, describe="callbacks told")


RunSandbox = Callable[..., AbstractAsyncContextManager[Sandbox]]


NEVER_KNOWN: frozenset[str] = frozenset()


async def look_up(
    carrier: TwilioCarrier,
    submission: Submission,
    *,
    known_ids: frozenset[str] = NEVER_KNOWN,
    not_before: datetime | None = None,
) -> LookUp:
    return await carrier.look_up(
        sender=submission.sender,
        recipient=submission.recipient,
        body=submission.body,
        not_before=not_before or datetime.now(UTC) - timedelta(seconds=5),
        known_ids=known_ids,
    )
