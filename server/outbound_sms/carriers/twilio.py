"""The adapter to Twilio and to everything that speaks its HTTP interface, our sandbox included.

What an answer means is decided in `classify`; what a broken call means, in `http_submission`. The
codes are data in `twilio_codes`.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

import aiohttp
import structlog
from yarl import URL

from outbound_sms.carriers import signature, twilio_codes, twilio_form, twilio_lookup
from outbound_sms.carriers.callback_fields import E164, MESSAGE_ID, printable_code, storable
from outbound_sms.carriers.carrier import (
    Accepted,
    Callback,
    CannotTell,
    Capabilities,
    Inbound,
    InDoubt,
    LookUp,
    MalformedInbound,
    MalformedReceipt,
    NotSent,
    Outcome,
    Receipt,
    ReceiptState,
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
from outbound_sms.configuration_file import Check, count, duration, flag, http_url, text
from outbound_sms.http_client import open_session

_log = structlog.get_logger(__name__)

# Connections of their own, or a busy carrier could not be asked what became of a message.
_LOOK_UPS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class TwilioConfig:
    """How to reach one account. Times in seconds; `connections` is the most that are open at once.

    `second_auth_token` also verifies callbacks, for the time of a token's rotation. `shared_key`
    and `second_shared_key` verify those that Twilio signs with a shared key of the account.
    `keepalive` must be shorter than the carrier's, or a stale connection puts a message in doubt.
    """

    name: str
    account_sid: str
    auth_token: str = field(repr=False)
    second_auth_token: str | None = field(default=None, repr=False)
    shared_key: str | None = field(default=None, repr=False)
    second_shared_key: str | None = field(default=None, repr=False)
    base_url: str = "https://api.twilio.com"
    lookup: bool = True
    connections: int = 64
    total_timeout: float = 15.0
    connect_timeout: float = 3.0
    keepalive: float = 10.0


def _user(value: object) -> str | None:
    if isinstance(value, str) and ":" in value:
        return "must not contain a colon"
    return text(value)


CHECKS: Mapping[str, Check] = {
    "account_sid": _user,
    "auth_token": text,
    "second_auth_token": text,
    "shared_key": text,
    "second_shared_key": text,
    "base_url": http_url,
    "lookup": flag,
    "connections": count,
    "total_timeout": duration,
    "connect_timeout": duration,
    "keepalive": duration,
}


class TwilioCarrier:
    """A `CallbackCarrier` over HTTP sessions, opened by the first call and kept until `close`."""

    def __init__(self, config: TwilioConfig) -> None:
        self._config = config
        self._session: aiohttp.ClientSession | None = None
        self._look_up_session: aiohttp.ClientSession | None = None
        self._closed = False
        base = config.base_url.rstrip("/")
        self._origin = base
        self._messages_url = URL(
            f"{base}/2010-04-01/Accounts/{config.account_sid}/Messages.json", encoded=True
        )
        self._tokens = tuple(t for t in (config.auth_token, config.second_auth_token) if t)
        self._shared_keys = tuple(k for k in (config.shared_key, config.second_shared_key) if k)
        self._capabilities = Capabilities(
            lookup=config.lookup,
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
        """POSTs the message once."""
        if self._closed:
            return NotSent("the carrier is closed")
        if self._session is None:
            self._session = self._make_session(self._config.connections)
        answer = await submit_once(
            self._session,
            self._messages_url,
            twilio_form.encode(submission),
            start_by=submission.start_by,
        )
        if not isinstance(answer, Answer):
            return answer
        return classify(answer.status, answer.body, answer.headers.get("Retry-After"))

    async def look_up(
        self,
        *,
        sender: str,
        recipient: str,
        body: str,
        not_before: datetime,
        known_ids: AbstractSet[str],
    ) -> LookUp:
        """Reads the account's messages to `recipient`; see `twilio_lookup` for what fits."""
        if self._closed:
            return CannotTell("the carrier is closed")
        wanted = twilio_lookup.Wanted(sender, recipient, body, not_before, known_ids)
        if self._look_up_session is None:
            self._look_up_session = self._make_session(_LOOK_UPS_AT_ONCE)
        return await twilio_lookup.look_up(
            self._look_up_session, self._origin, self._messages_url, wanted
        )

    def parse_receipt(self, callback: Callback) -> Receipt:
        """Reads MessageSid, MessageStatus and ErrorCode (older names: SmsSid, SmsStatus)."""
        fields = dict(signature.read_form(callback.body))
        message_id = fields.get("MessageSid") or fields.get("SmsSid")
        if not message_id or not MESSAGE_ID.fullmatch(message_id):
            raise MalformedReceipt("MessageSid is missing, or is not an id")
        status = fields.get("MessageStatus") or fields.get("SmsStatus")
        if not status:
            raise MalformedReceipt("MessageStatus is missing")
        state = twilio_codes.STATES.get(status)
        if state is None:
            raise MalformedReceipt("MessageStatus is not a status of an outbound message")
        return _receipt(message_id, status, state, fields.get("ErrorCode"))

    def parse_inbound(self, callback: Callback) -> Inbound:
        """Reads From, To, Body and MessageSid (older name: SmsSid) of a text to one of our numbers.

        Short codes, names and addresses of other channels are refused: nothing can be sent there.
        """
        fields = dict(signature.read_form(callback.body))
        message_id = fields.get("MessageSid") or fields.get("SmsSid")
        if not message_id or not MESSAGE_ID.fullmatch(message_id):
            raise MalformedInbound("MessageSid is missing, or is not an id")
        for name in ("From", "To"):
            if not E164.fullmatch(fields.get(name, "")):
                raise MalformedInbound(f"{name} is missing, or is not a phone number")
        if "Body" not in fields:
            raise MalformedInbound("Body is missing")
        return Inbound(message_id, fields["From"], fields["To"], storable(fields["Body"]))

    def verify(self, callback: Callback) -> bool:
        return signature.verify_callback(self._tokens, callback, self._shared_keys)

    async def close(self) -> None:
        self._closed = True
        for session in (self._session, self._look_up_session):
            if session is not None:
                await session.close()

    def _make_session(self, connections: int) -> aiohttp.ClientSession:
        config = self._config
        return open_session(
            connections=connections,
            total_timeout=config.total_timeout,
            connect_timeout=config.connect_timeout,
            keepalive=config.keepalive,
            headers={
                "Authorization": aiohttp.encode_basic_auth(config.account_sid, config.auth_token),
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )


def classify(status: int, body: bytes, retry_after: str | None) -> Outcome:
    """What an HTTP answer to a submission means. Only what it states plainly is believed."""
    answer = read_object(body)
    if 200 <= status < 300:
        message_id = answer.get("sid")
        if isinstance(message_id, str) and MESSAGE_ID.fullmatch(message_id):
            return Accepted(message_id, twilio_lookup.segments(answer.get("num_segments")))
        return InDoubt(f"HTTP {status} without a message id")
    if not 400 <= status < 500:
        return InDoubt(f"HTTP {status}")
    return _classify_client_error(status, answer.get("code"), retry_after)


def _classify_client_error(status: int, code: object, retry_after: str | None) -> Outcome:
    if not isinstance(code, int) or isinstance(code, bool):
        code = None
    carrier_code = str(status if code is None else code)
    pause = None if code is None else twilio_codes.THROTTLING_CODES.get(code)
    if status == 429 or pause is not None:
        return Throttled(read_pause(retry_after, pause or DEFAULT_PAUSE), carrier_code)
    reason = None if code is None else twilio_codes.REASONS.get(code)
    if reason == twilio_codes.OUTCOME_UNKNOWN:
        return InDoubt(f"HTTP {status} with code {carrier_code}")
    if reason is None and status in (401, 403):
        reason = twilio_codes.UNAUTHORISED
    if reason is not None:
        return Refused(reason, carrier_code, code in twilio_codes.SUPPRESSING_CODES)
    if code is None:
        # Something between us and the carrier may have answered after it had passed the request on.
        _log.error("carrier_answer_not_understood", http_status=status)
        return InDoubt(f"HTTP {status} without an error code")
    _log.error("carrier_code_unknown", http_status=status, carrier_code=carrier_code)
    return Refused(twilio_codes.UNKNOWN, carrier_code)


def _receipt(message_id: str, status: str, state: ReceiptState, code: str | None) -> Receipt:
    carrier_code = None
    if code and code != "0":
        carrier_code = printable_code(code)
    if state not in (ReceiptState.UNDELIVERED, ReceiptState.FAILED):
        return Receipt(message_id, state, None, carrier_code)
    return Receipt(message_id, state, twilio_lookup.reason(status, carrier_code), carrier_code)
