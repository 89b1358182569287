"""POST /sandbox/inbound: what a phone texts to one of our numbers, told as Twilio tells it."""

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

import aiohttp
from aiohttp import web
from yarl import URL

from outbound_sms.carriers import signature
from outbound_sms.carriers.sandbox.config import SandboxConfig
from outbound_sms.carriers.sandbox.messages import MessageIndex
from outbound_sms.carriers.sandbox.submissions import json_response

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_RECEIPTS = re.compile(r"/receipts/(?P<carrier>[^/]+)$")
_MAX_BODY = 1600
_WRONG = (
    'send {"from": "+1...", "to": "+1...", "body": "STOP"}: '
    f"two E.164 numbers, and at most {_MAX_BODY} characters"
)
_NO_ADDRESS = (
    "nobody is known who takes inbound texts: start the sandbox with --inbound-url, "
    "or send a text with a status callback to /receipts/CARRIER first"
)


@dataclass(frozen=True, slots=True)
class _Text:
    sender: str
    recipient: str
    body: str


class InboundTexts:
    """Calls whoever takes inbound texts, once for each request, and says what was answered.

    Unlike Twilio it repeats nothing: who asked decides that.
    """

    def __init__(self, config: SandboxConfig, messages: MessageIndex) -> None:
        self._config = config
        self._messages = messages
        self._session: aiohttp.ClientSession | None = None

    async def create(self, request: web.Request) -> web.StreamResponse:
        """POST {"from", "to", "body"}: who writes, to which number of ours, what.

        200 with `message_sid` and the `status` and `body` of the answer; 502 when there was none,
        409 when nobody is known to call.
        """
        text = _read(await request.read())
        if text is None:
            return json_response({"error": _WRONG}, 400)
        url = self._config.inbound_url or inbound_url(self._callbacks())
        if url is None:
            return json_response({"error": _NO_ADDRESS}, 409)
        message_sid = f"SM{secrets.token_hex(16)}"
        pairs = _form(self._config.account_sid, message_sid, text)
        try:
            status, body = await self._tell(url, pairs)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            answer = {"message_sid": message_sid, "error": f"no answer: {type(error).__name__}"}
            return json_response(answer, 502)
        return json_response({"message_sid": message_sid, "status": status, "body": body})

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()

    def _callbacks(self) -> Iterator[str]:
        """The addresses of status callbacks, the newest message's first."""
        for message in self._messages.newest_first():
            if message.status_callback is not None:
                yield message.status_callback

    async def _tell(self, url: str, pairs: list[tuple[str, str]]) -> tuple[int, str]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._config.inbound_timeout),
                headers={
                    "Content-Type": "application/x-www-form-urlencoded",
                    "User-Agent": "TwilioProxy/1.1",
                },
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        headers = {signature.HEADER: signature.sign(self._config.auth_token, url, pairs)}
        async with self._session.post(
            URL(url, encoded=True),
            data=urlencode(pairs).encode("ascii"),
            headers=headers,
            allow_redirects=False,
        ) as response:
            return response.status, await response.text(errors="replace")


def inbound_url(callbacks: Iterator[str]) -> str | None:
    """Where a server takes inbound texts, by where it takes receipts: /inbound/CARRIER beside
    /receipts/CARRIER. None when no callback has that form."""
    for callback in callbacks:
        parts = urlsplit(callback)
        found = _RECEIPTS.search(parts.path)
        if found is not None:
            path = f"{parts.path[: found.start()]}/inbound/{found['carrier']}"
            return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
    return None


def _read(raw: bytes) -> _Text | None:
    try:
        given = json.loads(raw)
        text = _Text(given["from"], given["to"], given["body"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    if not all(isinstance(each, str) for each in (text.sender, text.recipient, text.body)):
        return None
    numbers = _E164.fullmatch(text.sender) and _E164.fullmatch(text.recipient)
    return text if numbers and len(text.body) <= _MAX_BODY else None


def _form(account_sid: str, message_sid: str, text: _Text) -> list[tuple[str, str]]:
    return [
        ("AccountSid", account_sid),
        ("ApiVersion", "2010-04-01"),
        ("Body", text.body),
        ("From", text.sender),
        ("MessageSid", message_sid),
        ("NumMedia", "0"),
        ("NumSegments", "1"),
        ("SmsMessageSid", message_sid),
        ("SmsSid", message_sid),
        ("SmsStatus", "received"),
        ("To", text.recipient),
    ]
