"""Answers in Stripe's form."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body, as they are stored for an idempotency key."""

    status: int
    body: dict[str, Any]

    def response(self, **headers: str) -> web.Response:
        """The answer as HTTP. A header `Idempotent_Replayed` is written with a hyphen."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(
            body=json.dumps(self.body).encode(),
            status=self.status,
            content_type="application/json",
            headers={"Request-Id": f"req_{secrets.token_hex(7)}", **named},
        )


def error(
    status: int,
    kind: str,
    message: str,
    *,
    code: str | None = None,
    param: str | None = None,
    **more: Any,
) -> Answer:
    """Stripe's error body: `type`, `message`, and what else there is to say."""
    body = {"type": kind, "message": message, "code": code, "param": param, **more}
    return Answer(status, {"error": {name: value for name, value in body.items() if value}})


def invalid(message: str, code: str | None = None, param: str | None = None) -> Answer:
    """A request that cannot be carried out as it is."""
    return error(400, "invalid_request_error", message, code=code, param=param)


UNAUTHORISED = error(401, "invalid_request_error", "Invalid API Key provided.")
NOT_FOUND = error(404, "invalid_request_error", "Unrecognized request URL.", code="url_invalid")
THROTTLED = error(429, "invalid_request_error", "Too many requests.", code="rate_limit")
SERVER_ERROR = error(500, "api_error", "An error occurred in the sandbox.")
