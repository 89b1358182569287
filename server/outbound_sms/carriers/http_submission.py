"""A submission over HTTP: made once, and what it means when no whole answer comes of it."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from outbound_sms.carriers.carrier import InDoubt, NotSent
from outbound_sms.guarded_request import TooLate
from outbound_sms.guarded_request import start_by as latest_start
from outbound_sms.http_client import BEFORE_SENDING

DEFAULT_PAUSE = 1.0
"""Seconds until a throttled message is tried again where the carrier does not say when."""

_LONGEST_PAUSE = 3600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of a carrier, whatever it says. Names of `headers` have any case."""

    status: int
    body: bytes
    headers: Mapping[str, str]


async def submit_once(
    session: aiohttp.ClientSession,
    url: URL,
    data: bytes,
    *,
    start_by: float,
    headers: Mapping[str, str] | None = None,
) -> Answer | NotSent | InDoubt:
    """POSTs `data` once, unless it is later than `start_by` of `clock.lease_clock`.

    `session` is one of `http_client.open_session`. aiohttp repeats no POST, and redirects are not
    followed. Raises nothing for what the network or the carrier does.
    """
    latest_start.set(start_by)
    try:
        async with session.post(url, data=data, headers=headers, allow_redirects=False) as response:
            return Answer(response.status, await response.read(), response.headers)
    except TooLate:
        return NotSent("the lease ran out")
    except BEFORE_SENDING as error:
        return NotSent(f"{type(error).__name__}: {error}")
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        # The text of these errors may quote what the carrier sent: the class must do.
        return InDoubt(type(error).__name__)


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body; empty where it is anything else. Never raises."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def read_pause(retry_after: str | None, default: float = DEFAULT_PAUSE) -> float:
    """The seconds of a Retry-After header, at most an hour; `default` where it has none."""
    try:
        seconds = float(retry_after) if retry_after is not None else default
    except ValueError:
        # The other form of the header is a date; ours and the carrier's clock need not agree.
        return default
    return min(max(seconds, 0.0), _LONGEST_PAUSE) if math.isfinite(seconds) else _LONGEST_PAUSE
