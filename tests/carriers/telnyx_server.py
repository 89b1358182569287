"""Telnyx's messaging API as its documentation and its library have it, as far as we use it."""

import base64
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from outbound_sms.carriers.carrier import Callback
from outbound_sms.carriers.telnyx import TelnyxCarrier, TelnyxConfig
from outbound_sms.domain.segments import Encoding, count_segments
from outbound_sms.sandbox_server import serving

API_KEY = "KEY0123_a-test-key"
PROFILE = "4000eba1-a0c0-4563-9925-b25e842a7cb6"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC_KEY = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()


def signed(body: bytes, at: float | None = None, key: Ed25519PrivateKey = KEY) -> dict[str, str]:
    """The headers of a webhook with this body, as of Unix time `at`, by default now."""
    timestamp = str(int(time.time() if at is None else at))
    made = key.sign(timestamp.encode() + b"|" + body)
    return {
        "telnyx-signature-ed25519": base64.b64encode(made).decode(),
        "telnyx-timestamp": timestamp,
        "content-type": "application/json",
    }


def event(kind: str, payload: Mapping[str, Any]) -> bytes:
    """The body of a webhook."""
    return json.dumps(
        {
            "data": {
                "record_type": "event",
                "id": str(uuid4()),
                "event_type": kind,
                "occurred_at": "2026-03-23T18:10:02.574Z",
                "payload": payload,
            },
            "meta": {"attempt": 1, "delivered_to": "https://sms.example.net/"},
        }
    ).encode()


def callback(body: bytes, at: float | None = None) -> Callback:
    """A signed webhook as an adapter gets it."""
    return Callback("https://sms.example.net/receipts/t", signed(body, at), body)


def error(code: object, title: str = "x", **more: object) -> dict[str, Any]:
    """One element of `errors`; the detail is of the kind that must not be repeated."""
    return {"code": code, "title": title, "detail": "from '+12125550100' to '+14165550123'", **more}


def inbound_payload(**changes: Any) -> dict[str, Any]:
    """What is in message.received."""
    payload: dict[str, Any] = {
        "record_type": "message",
        "direction": "inbound",
        "id": "7ee4241c-f127-47e5-9c34-3aac291f8058",
        "type": "SMS",
        "messaging_profile_id": PROFILE,
        "from": {"phone_number": "+14165550123", "carrier": "X", "line_type": "Wireless"},
        "to": [{"phone_number": "+12125550100", "status": "webhook_delivered"}],
        "cc": [],
        "text": "STOP",
        "media": [],
        "autoresponse_type": "opt_out",
        "encoding": "GSM-7",
        "parts": 1,
        "errors": [],
    }
    return payload | changes


@dataclass
class Telnyx:
    """A running server: what it has accepted, and what it is to answer next instead."""

    url: str = ""
    accepted: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[Mapping[str, str], dict[str, Any]]] = field(default_factory=list)
    answers: list[tuple[int, object, dict[str, str]]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        """POST /v2/messages."""
        if request.headers.get("Authorization") != f"Bearer {API_KEY}":
            return _refusal(401, "10009", "Authentication failed")
        if request.content_type != "application/json":
            return _refusal(415, "10014", "Unsupported Media Type")
        asked = await request.json()
        self.requests.append((request.headers, asked))
        if self.answers:
            status, said, headers = self.answers.pop(0)
            return web.json_response(said, status=status, headers=headers)
        refusal = _check(asked)
        if refusal is not None:
            return refusal
        message = _message(asked)
        self.accepted.append(message)
        return web.json_response({"data": message})

    async def report(
        self, message: Mapping[str, Any], status: str, *errors: object, kind: str | None = None
    ) -> int:
        """Tells the message's address of its status; what it answered."""
        payload = {
            **message,
            "to": [{**message["to"][0], "status": status}],
            "errors": list(errors),
        }
        body = event(kind or _event_of(status), payload)
        return await self.call(message["webhook_url"], body)

    async def call(self, address: str, body: bytes) -> int:
        """POSTs a signed webhook; the status of the answer."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(address, data=body, headers=signed(body)) as response,
        ):
            return response.status


def _event_of(status: str) -> str:
    return "message.sent" if status == "sent" else "message.finalized"


def _refusal(status: int, code: str, title: str) -> web.Response:
    return web.json_response({"errors": [error(code, title)]}, status=status)


def _check(asked: Mapping[str, Any]) -> web.Response | None:
    known = {
        "to",
        "from",
        "text",
        "type",
        "encoding",
        "messaging_profile_id",
        "use_profile_webhooks",
        "webhook_url",
    }
    if not asked.keys() <= known:
        return _refusal(422, "10015", "Bad Request")
    if not asked.get("text"):
        return _refusal(422, "40316", "No content provided for message")
    if not asked.get("from") and not asked.get("messaging_profile_id"):
        return _refusal(422, "40305", "Invalid 'from' address")
    encoding = count_segments(asked["text"]).encoding
    if asked.get("encoding") == "gsm7" and encoding is Encoding.UCS2:
        return _refusal(400, "40009", "Invalid message body")
    return None


def _message(asked: Mapping[str, Any]) -> dict[str, Any]:
    counted = count_segments(asked["text"])
    return {
        "record_type": "message",
        "direction": "outbound",
        "id": str(uuid4()),
        "type": asked.get("type", "SMS"),
        "messaging_profile_id": asked.get("messaging_profile_id", PROFILE),
        "from": {"phone_number": asked.get("from", ""), "carrier": "", "line_type": ""},
        "to": [{"phone_number": asked["to"], "status": "queued", "carrier": "", "line_type": ""}],
        "text": asked["text"],
        "webhook_url": asked.get("webhook_url", ""),
        "use_profile_webhooks": asked.get("use_profile_webhooks", True),
        "encoding": "GSM-7" if counted.encoding is Encoding.GSM7 else "UCS-2",
        "parts": counted.carrier_segments,
        "cost": None,
        "received_at": "2026-03-23T18:10:02.574Z",
        "errors": [],
    }


@asynccontextmanager
async def telnyx() -> AsyncIterator[Telnyx]:
    """Runs one for the length of the block."""
    server = Telnyx()
    app = web.Application()
    app.router.add_post("/v2/messages", server.take)
    async with serving(app, "127.0.0.1", 0) as url:
        server.url = url
        yield server


@asynccontextmanager
async def carrier_to(base_url: str, **settings: Any) -> AsyncIterator[TelnyxCarrier]:
    """An adapter with short time-outs, closed at the end."""
    config = TelnyxConfig(
        "telnyx", API_KEY, PUBLIC_KEY, base_url=base_url, total_timeout=5.0, connect_timeout=2.0
    )
    carrier = TelnyxCarrier(replace(config, **settings))
    try:
        yield carrier
    finally:
        await carrier.close()
