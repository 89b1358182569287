"""The adapter to Telnyx's messaging API, version 2.

What an answer means is decided in `classify`. The codes are data in `telnyx_codes`, and what Telnyx
calls us with is read in `telnyx_events`. Source: Telnyx, "Send a message", and its Python library.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp
import structlog
from yarl import URL

from outbound_sms.carriers import telnyx_codes, telnyx_events, telnyx_signature
from outbound_sms.carriers.callback_fields import MESSAGE_ID
from outbound_sms.carriers.carrier import (
    Accepted,
    Callback,
    CannotTell,
    Capabilities,
    Inbound,
    InDoubt,
    LookUp,
    NotSent,
    Outcome,
    Receipt,
    Refused,
    Submission,
    Throttled,
)
from outbound_sms.carriers.http_submission import (
    DEFAULT_PAUSE,
    Answer,
    read_object,
    read_pause,
    submit_once,
)
from outbound_sms.configuration_file import Check, count, duration, http_url, text
from outbound_sms.domain.segments import Encoding, count_segments
from outbound_sms.http_client import open_session

_log = structlog.get_logger(__name__)

_PROFILE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ENCODINGS = {Encoding.GSM7: "gsm7", Encoding.UCS2: "ucs2"}


@dataclass(frozen=True, slots=True)
class TelnyxConfig:
    """How to reach one account. Times in seconds; `connections` is the most that are open at once.

    `public_key` verifies callbacks, and so does `second_public_key`, while the key is changed.
    `keepalive` must be shorter than the carrier's, or a stale connection puts a message in doubt.
    """

    name: str
    api_key: str = field(repr=False)
    public_key: str
    second_public_key: str | None = None
    base_url: str = "https://api.telnyx.com"
    connections: int = 64
    total_timeout: float = 15.0
    connect_timeout: float = 3.0
    keepalive: float = 10.0


def _api_key(value: object) -> str | None:
    if isinstance(value, str) and not re.fullmatch("[!-~]*", value):
        return "must have visible ASCII characters only, no spaces"
    return text(value)


def _public_key(value: object) -> str | None:
    try:
        telnyx_signature.read_public_key(value if isinstance(value, str) else "")
    except ValueError:
        return "must be the account's public key as Telnyx shows it: 32 bytes in base64"
    return None


CHECKS: Mapping[str, Check] = {
    "api_key": _api_key,
    "public_key": _public_key,
    "second_public_key": _public_key,
    "base_url": http_url,
    "connections": count,
    "total_timeout": duration,
    "connect_timeout": duration,
    "keepalive": duration,
}


class TelnyxCarrier:
    """A `CallbackCarrier` over an HTTP session, opened by the first call and kept until `close`."""

    def __init__(self, config: TelnyxConfig, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix time in seconds: callbacks of another time are refused."""
        self._config = config
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self._messages_url = URL(f"{config.base_url.rstrip('/')}/v2/messages", encoded=True)
        self._public_keys = tuple(
            telnyx_signature.read_public_key(key)
            for key in (config.public_key, config.second_public_key)
            if key
        )
        self._capabilities = Capabilities(
            # Its detail records are filtered by recipient, but appear at a time nobody promises.
            lookup=False,
            # What a key answers whose first request is still being worked on is not documented.
            idempotency_key=False,
            receipts=True,
            calls=config.connections,
            longest_call=config.total_timeout,
        )

    @property
    def name(self) -> str:
        return self._config.name

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    async def submit(self, submission: Submission) -> Outcome:
        """POSTs the message once. Telnyx takes no validity: it queues a text for hours at most."""
        if self._closed:
            return NotSent("the carrier is closed")
        if self._session is None:
            self._session = self._make_session()
        answer = await submit_once(
            self._session,
            self._messages_url,
            _encode(submission),
            start_by=submission.start_by,
            headers={"Idempotency-Key": f"{submission.message_id}:{submission.attempt}"},
        )
        return classify(answer) if isinstance(answer, Answer) else answer

    async def look_up(
        self,
        *,
        sender: str,
        recipient: str,
        body: str,
        not_before: datetime,
        known_ids: AbstractSet[str],
    ) -> LookUp:
        """Cannot be done, as `capabilities` say."""
        return CannotTell("Telnyx has no list of messages that can be relied on")

    def verify(self, callback: Callback) -> bool:
        return telnyx_signature.verify(self._public_keys, callback, self._clock())

    def parse_receipt(self, callback: Callback) -> Receipt:
        """Reads message.sent and message.finalized."""
        return telnyx_events.read_receipt(callback.body)

    def parse_inbound(self, callback: Callback) -> Inbound:
        """Reads message.received."""
        return telnyx_events.read_text(callback.body)

    async def close(self) -> None:
        self._closed = True
        if self._session is not None:
            await self._session.close()

    def _make_session(self) -> aiohttp.ClientSession:
        config = self._config
        return open_session(
            connections=config.connections,
            total_timeout=config.total_timeout,
            connect_timeout=config.connect_timeout,
            keepalive=config.keepalive,
            headers={
                "Authorization": f"Bearer {config.api_key}",
                "Content-Type": "application/json",
            },
        )


def classify(answer: Answer) -> Outcome:
    """What an answer to a submission means. Only what it states plainly is believed."""
    said = read_object(answer.body)
    if 200 <= answer.status < 300:
        message = said.get("data")
        message_id = message.get("id") if isinstance(message, dict) else None
        if isinstance(message_id, str) and MESSAGE_ID.fullmatch(message_id):
            return Accepted(message_id, _parts(message))
        return InDoubt(f"HTTP {answer.status} without a message id")
    if not 400 <= answer.status < 500:
        return InDoubt(f"HTTP {answer.status}")
    return _classify_client_error(answer, telnyx_events.first_code(said))


def _classify_client_error(answer: Answer, code: str | None) -> Outcome:
    carrier_code = code or str(answer.status)
    pause = telnyx_codes.THROTTLING_CODES.get(carrier_code)
    if answer.status == 429 or pause is not None:
        said = answer.headers.get("Retry-After") or answer.headers.get("x-ratelimit-reset")
        return Throttled(read_pause(said, pause or DEFAULT_PAUSE), carrier_code)
    if answer.status == 408 or code in telnyx_codes.IN_DOUBT_CODES:
        return InDoubt(f"HTTP {answer.status} with code {carrier_code}")
    reason = telnyx_codes.REASONS.get(carrier_code)
    if answer.status == 401 or (answer.status == 403 and code is None):
        reason = telnyx_codes.UNAUTHORISED
    if reason is not None:
        return Refused(reason, carrier_code, carrier_code in telnyx_codes.SUPPRESSING_CODES)
    if code is None:
        # Something between us and the carrier may have answered after it had passed the request on.
        _log.error("carrier_answer_not_understood", http_status=answer.status)
        return InDoubt(f"HTTP {answer.status} without an error code")
    _log.error("carrier_code_unknown", http_status=answer.status, carrier_code=carrier_code)
    return Refused(telnyx_codes.UNKNOWN, carrier_code)


def _parts(message: object) -> int | None:
    parts = message.get("parts") if isinstance(message, dict) else None
    right = isinstance(parts, int) and not isinstance(parts, bool) and 0 < parts < 100
    return parts if right else None


def _encode(submission: Submission) -> bytes:
    message: dict[str, Any] = {
        "to": submission.recipient,
        "text": submission.body,
        "type": "SMS",
        # Of its own accord Telnyx replaces characters, and the text would not be what was approved.
        "encoding": _ENCODINGS[count_segments(submission.body).encoding],
        "use_profile_webhooks": False,
    }
    pool = _PROFILE.fullmatch(submission.sender)
    message["messaging_profile_id" if pool else "from"] = submission.sender
    if submission.status_callback_url is not None:
        message["webhook_url"] = submission.status_callback_url
    return json.dumps(message).encode("ascii")
