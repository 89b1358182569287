"""POST Messages.json: what the sandbox checks, accepts, refuses, and breaks on purpose."""

import asyncio
import json
import math
import re
from functools import lru_cache
from typing import assert_never
from urllib.parse import parse_qsl

from aiohttp import web

from outbound_sms.carriers.sandbox import recipients
from outbound_sms.carriers.sandbox.callbacks import CallbackSender
from outbound_sms.carriers.sandbox.config import SandboxConfig
from outbound_sms.carriers.sandbox.faults import ACCEPTING, Fault, FaultScript
from outbound_sms.carriers.sandbox.messages import Message, MessageIndex
from outbound_sms.carriers.sandbox.rate import TokenBucket
from outbound_sms.carriers.sandbox.recipients import Refusal
from outbound_sms.domain.segments import count_segments
from outbound_sms.sandbox_faults import drop

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SERVICE_SID = re.compile(r"MG[0-9A-Za-z]{1,32}")
_HTTP_URL = re.compile(r"https?://[^\s/]+\S*")
_SECONDS = re.compile(r"[0-9]{1,5}")
_MAX_BODY = 1600
_MAX_FIELDS = 50
_LONGEST_VALIDITY = 36_000
# What a sender pool sends from.
_POOL_NUMBER = "+12125550100"

_THROTTLED = Refusal(429, 20429, "Too Many Requests")
_INVALID = Refusal(400, 21211, "The 'To' number is not a valid phone number.")
_SERVER_ERROR = Refusal(500, 20500, "Internal Server Error")


class Submissions:
    """Handles submissions of one account."""

    def __init__(
        self,
        config: SandboxConfig,
        messages: MessageIndex,
        callbacks: CallbackSender,
        faults: FaultScript,
    ) -> None:
        self._config = config
        self._messages = messages
        self._callbacks = callbacks
        self._faults = faults
        self._bucket: TokenBucket | None = None
        self._throttled_once: set[str] = set()
        self.refused = 0

    async def create(self, request: web.Request) -> web.StreamResponse:
        """The handler of POST Messages.json."""
        try:
            raw = (await request.read()).decode("utf-8")
            form = dict(parse_qsl(raw, keep_blank_values=True, max_num_fields=_MAX_FIELDS))
        except ValueError:
            return self._refuse(Refusal(400, 20001, "The body is not a form."))
        recipient = form.get("To", "")
        fault = self._faults.next(recipient)
        if fault is not None and fault not in ACCEPTING:
            return self._fail(request, fault)
        segments = _segments(form.get("Body", ""))
        refusal = _check(form) or self._refusal_of_number(recipient)
        if refusal is not None:
            return self._refuse(refusal)
        wait = self._wait_for_rate(segments)
        if wait > 0:
            return self._refuse(_THROTTLED, retry_after=wait)
        message = self._accept(form, segments)
        if fault is not None:
            return await self._accept_badly(request, message, fault)
        if self._config.latency > 0:
            await asyncio.sleep(self._config.latency)
        return self._created(message)

    def _accept(self, form: dict[str, str], segments: int) -> Message:
        service_sid = form.get("MessagingServiceSid") or None
        message = self._messages.accept(
            recipient=form["To"],
            sender=form.get("From") or _POOL_NUMBER,
            service_sid=service_sid,
            body=form["Body"],
            segments=segments,
            status_callback=form.get("StatusCallback") or None,
        )
        self._callbacks.follow(message, recipients.steps(message.recipient))
        return message

    def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        match fault:
            case Fault.DROP:
                return drop(request)
            case Fault.THROTTLE:
                return self._refuse(_THROTTLED, retry_after=1.0)
            case Fault.REFUSE:
                return self._refuse(_INVALID)
            case Fault.ERROR:
                return self._refuse(_SERVER_ERROR)
            case Fault.ACCEPT_DROP | Fault.ACCEPT_LATE | Fault.ACCEPT_ERROR:
                raise AssertionError(fault)
            case _:
                assert_never(fault)

    async def _accept_badly(
        self, request: web.Request, message: Message, fault: Fault
    ) -> web.StreamResponse:
        if fault is Fault.ACCEPT_DROP:
            return drop(request)
        if fault is Fault.ACCEPT_ERROR:
            return self._refuse(_SERVER_ERROR)
        await asyncio.sleep(self._config.faults.late_seconds)
        return self._created(message)

    def _created(self, message: Message) -> web.Response:
        resource = message.resource(self._config.account_sid)
        # Whatever has become of it meanwhile, the answer to a submission says "queued".
        resource |= {"status": "queued", "error_code": None, "date_sent": None}
        return json_response(resource, 201)

    def _refuse(self, refusal: Refusal, retry_after: float | None = None) -> web.Response:
        self.refused += 1
        return error_response(refusal, retry_after)

    def _refusal_of_number(self, recipient: str) -> Refusal | None:
        local = recipients.local_number(recipient)
        if local == recipients.THROTTLED_ONCE and recipient not in self._throttled_once:
            self._throttled_once.add(recipient)
            return _THROTTLED
        return recipients.REFUSALS.get(local)

    def _wait_for_rate(self, segments: int) -> float:
        if self._config.segments_per_second is None:
            return 0.0
        if self._bucket is None:
            clock = asyncio.get_running_loop().time
            self._bucket = TokenBucket(self._config.segments_per_second, clock)
        return self._bucket.take(segments)


def json_response(value: object, status: int = 200) -> web.Response:
    """An answer in JSON, without the indirections of `web.json_response`."""
    return web.Response(
        body=json.dumps(value).encode(), status=status, content_type="application/json"
    )


def error_response(refusal: Refusal, retry_after: float | None = None) -> web.Response:
    """Twilio's error body. `retry_after` in seconds becomes the header, in whole seconds."""
    response = json_response(
        {
            "code": refusal.code,
            "message": refusal.message,
            "more_info": f"https://www.twilio.com/docs/errors/{refusal.code}",
            "status": refusal.status,
        },
        refusal.status,
    )
    if retry_after is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    return response


@lru_cache(maxsize=1024)
def _segments(body: str) -> int:
    return max(1, count_segments(body).carrier_segments)


def _check(form: dict[str, str]) -> Refusal | None:
    recipient, body = form.get("To", ""), form.get("Body", "")
    sender, service_sid = form.get("From", ""), form.get("MessagingServiceSid", "")
    callback, validity = form.get("StatusCallback", ""), form.get("ValidityPeriod", "")
    if not recipient:
        return Refusal(400, 21604, "A 'To' phone number is required.")
    if not _E164.fullmatch(recipient):
        return _INVALID
    if not sender and not service_sid:
        return Refusal(400, 21603, "A 'From' phone number is required.")
    if sender and not _E164.fullmatch(sender):
        return Refusal(400, 21212, "The 'From' number is not a valid phone number.")
    if service_sid and not _SERVICE_SID.fullmatch(service_sid):
        return Refusal(400, 21705, "The Messaging Service is invalid.")
    if not body.strip():
        return Refusal(400, 21602, "Message body is required.")
    if len(body) > _MAX_BODY:
        return Refusal(
            400, 21617, "The concatenated message body exceeds the 1600 character limit."
        )
    if validity and not (_SECONDS.fullmatch(validity) and 1 <= int(validity) <= _LONGEST_VALIDITY):
        return Refusal(400, 21624, "Invalid validity period value.")
    if callback and not _HTTP_URL.fullmatch(callback):
        return Refusal(400, 21609, "The 'StatusCallback' URL is not a valid URL.")
    return None
