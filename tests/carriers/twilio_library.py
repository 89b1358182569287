"""Twilio's own client library, pointed at the sandbox."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from tests.carriers.harness import ACCOUNT_SID, AUTH_TOKEN, Sandbox

T = TypeVar("T")

TWILIO = "https://api.twilio.com"
TO, FROM = "+14165550123", "+12125550100"
BODY = "Le service est rétabli ☎ & 100%+"


class ToSandbox(TwilioHttpClient):  # type: ignore[misc]  # the package has no types
    """Sends what is meant for Twilio's host to the sandbox; all the rest stays as it is."""

    def __init__(self, sandbox_url: str) -> None:
        super().__init__(timeout=10)
        # Neither a proxy nor a password file of this machine has a say in it.
        self.session.trust_env = False
        self._sandbox_url = sandbox_url

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        parts = urlsplit(url)
        assert f"{parts.scheme}://{parts.netloc}" == TWILIO
        return super().request(
            method, self._sandbox_url + url.removeprefix(TWILIO), *args, **kwargs
        )


@dataclass(frozen=True, slots=True)
class Library:
    """Twilio's library, which blocks, in a thread of its own."""

    sandbox: Sandbox

    async def use(self, call: Callable[[Any], T], auth_token: str = AUTH_TOKEN) -> T:
        def run() -> T:
            http_client = ToSandbox(self.sandbox.url)
            try:
                return call(Client(ACCOUNT_SID, auth_token, http_client=http_client))
            finally:
                http_client.session.close()

        return await asyncio.to_thread(run)

    async def send(self, to: str = TO, **fields: Any) -> Any:
        given = {"from_": FROM, "body": BODY} | fields
        return await self.use(lambda client: client.messages.create(to=to, **given))

    async def fetch(self, sid: str) -> Any:
        return await self.use(lambda client: client.messages(sid).fetch())

    async def list(self, **filters: Any) -> list[str]:
        """The ids of the listed messages."""
        listed = await self.use(lambda client: client.messages.list(**filters))
        return [message.sid for message in listed]

    async def refusal(self, call: Callable[[Any], object], **settings: Any) -> tuple[int, int]:
        """The HTTP status and Twilio's code of the exception that `call` raises."""
        with pytest.raises(TwilioException) as caught:
            await self.use(call, **settings)
        if isinstance(caught.value, TwilioRestException):
            return caught.value.status, caught.value.code
        # Of a list the library tells no code, only the answer as it came.
        _, response = caught.value.args
        return response.status_code, json.loads(response.text)["code"]
