"""The adapter to Twilio and to everything that speaks its HTTP interface, our sandbox included.

What an answer means is decided in `classify`; what a broken call means, in `submit`. The codes are
data in `twilio_codes`.
"""

import json
import math
import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus

import aiohttp
import structlog
from yarl import URL

from outbound_sms.carriers import signature, twilio_codes, twilio_lookup
from outbound_sms.carriers.carrier import (
    Accepted,
    CannotTell,
    Capabilities,
    Form,
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
from outbound_sms.guarded_request import TooLate, start_by
from outbound_sms.http_client import BEFORE_SENDING, open_session

_log = structlog.get_logger(__name__)

_DEFAULT_RETRY_AFTER = 1.0
_MAX_RETRY_AFTER = 3600.0
_MAX_CODE = 32
# Connections of their own, or a busy carrier could not be asked what became of a message.
_LOOK_UPS_AT_ONCE = 4
# Twilio's are 34 letters and digits; others that speak its interface have ids of their own.
_MESSAGE_ID = re.compile(r"[!-~]{1,128}")
_E164 = re.compile(r"\+[0-9]{6,15}")


@dataclass(frozen=True, slots=True)
class TwilioConfig:
    """How to reach one account. Times in seconds; `connections` is the most that are open at once.

    `second_auth_token` also verifies callbacks, for the time of a token's rotation.
    `keepalive` must be shorter than the carrier's, or a stale connection puts a message in doubt.
    """

    name: str
    account_sid: str
    auth_token: str = field(repr=False)
    second_auth_token: str | None = field(default=None, repr=False)
    base_url: str = "https://api.twilio.com"
    lookup: bool = True
    connections: int = 64
    total_timeout: float = 15.0
    connect_timeout: float = 3.0
    keepalive: float = 10.0


class TwilioCarrier:
    """A `Carrier` over HTTP sessions that are opened by the first call and kept until `close`."""

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
        """POSTs the message once. aiohttp repeats no POST, and redirects are not followed."""
        if self._closed:
            return NotSent("the carrier is closed")
        if self._session is None:
            self._session = self._make_session(self._config.connections)
        session = self._session
        start_by.set(submission.start_by)
        try:
            async with session.post(
                self._messages_url, data=_encode(submission), allow_redirects=False
            ) as response:
                body = await response.read()
        except TooLate:
            return NotSent("the lease ran out")
        except BEFORE_SENDING as error:
            return NotSent(f"{type(error).__name__}: {error}")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            # The text of these errors may quote what the carrier sent: the class must do.
            return InDoubt(type(error).__name__)
        return classify(response.status, body, response.headers.get("Retry-After"))

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

    def parse_receipt(self, form: Form) -> Receipt:
        """Reads MessageSid, MessageStatus and ErrorCode (older names: SmsSid, SmsStatus)."""
        fields = dict(signature.as_pairs(form))
        message_id = fields.get("MessageSid") or fields.get("SmsSid")
        if not message_id or not _MESSAGE_ID.fullmatch(message_id):
            raise MalformedReceipt("MessageSid is missing, or is not an id")
        status = fields.get("MessageStatus") or fields.get("SmsStatus")
        if not status:
            raise MalformedReceipt("MessageStatus is missing")
        state = twilio_codes.STATES.get(status)
        if state is None:
            raise MalformedReceipt("MessageStatus is not a status of an outbound message")
        return _receipt(message_id, status, state, fields.get("ErrorCode"))

    def parse_inbound(self, form: Form) -> Inbound:
        """Reads From, To, Body and MessageSid (older name: SmsSid) of a text to one of our numbers.

        Short codes, names and addresses of other channels are refused: nothing can be sent there.
        """
        fields = dict(signature.as_pairs(form))
        message_id = fields.get("MessageSid") or fields.get("SmsSid")
        if not message_id or not _MESSAGE_ID.fullmatch(message_id):
            raise MalformedInbound("MessageSid is missing, or is not an id")
        for name in ("From", "To"):
            if not _E164.fullmatch(fields.get(name, "")):
                raise MalformedInbound(f"{name} is missing, or is not a phone number")
        if "Body" not in fields:
            raise MalformedInbound("Body is missing")
        # PostgreSQL has no text with this character in it.
        body = fields["Body"].replace("\0", "\N{REPLACEMENT CHARACTER}")
        return Inbound(message_id, fields["From"], fields["To"], body)

    def verify(self, url: str, form: Form | bytes, signature_header: str) -> bool:
        return signature.verify(self._tokens, url, form, signature_header)

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
    answer = _decode(body)
    if 200 <= status < 300:
        message_id = answer.get("sid")
        if isinstance(message_id, str) and _MESSAGE_ID.fullmatch(message_id):
            return Accepted(message_id, twilio_lookup.segments(answer.get("num_segments")))
        return InDoubt(f"HTTP {status} without a message id")
    if not 400 <= status < 500:
        return InDoubt(f"HTTP {status}")
    return _classify_client_error(status, answer.get("code"), retry_after)


def _classify_client_error(status: int, code: object, retry_after: str | None) -> Outcome:
    if not isinstance(code, int) or isinstance(code, bool):
        code = None
    carrier_code = str(status if code is None else code)
    if status == 429 or code in twilio_codes.THROTTLING_CODES:
        return Throttled(_seconds(retry_after), carrier_code)
    reason = None if code is None else twilio_codes.REASONS.get(code)
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
        carrier_code = "".join(filter(str.isprintable, code[:_MAX_CODE]))
    if state not in (ReceiptState.UNDELIVERED, ReceiptState.FAILED):
        return Receipt(message_id, state, None, carrier_code)
    return Receipt(message_id, state, twilio_lookup.reason(status, carrier_code), carrier_code)


# Few bodies and senders are different, and of an address few characters need quoting. Quoting all
# of them anew took an eighth of the time of a call.
_quote = lru_cache(maxsize=4096)(quote_plus)
_QUOTED_IN_ADDRESS = re.compile(r"[^A-Za-z0-9_.~-]")


def _encode(submission: Submission) -> bytes:
    sender = _quote(submission.sender)
    form = f"To={quote_plus(submission.recipient)}&Body={_quote(submission.body)}"
    if submission.sender.startswith("MG"):
        # A sender pool may replace characters unless told not to, and a body that was changed
        # would not be recognised by the look-up.
        form += f"&MessagingServiceSid={sender}&SmartEncoded=false"
    else:
        form += f"&From={sender}"
    if submission.status_callback_url is not None:
        address = _QUOTED_IN_ADDRESS.sub(lambda m: _quote(m[0]), submission.status_callback_url)
        form += f"&StatusCallback={address}"
    if submission.valid_for_seconds is not None:
        form += f"&ValidityPeriod={submission.valid_for_seconds}"
    return form.encode("ascii")


def _decode(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _seconds(retry_after: str | None) -> float:
    try:
        seconds = float(retry_after) if retry_after is not None else _DEFAULT_RETRY_AFTER
    except ValueError:
        # The other form of the header is a date; ours and the carrier's clock need not agree.
        return _DEFAULT_RETRY_AFTER
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER) if math.isfinite(seconds) else _MAX_RETRY_AFTER
