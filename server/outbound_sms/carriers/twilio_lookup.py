"""Finding, in a Twilio account, the message that an unanswered submission may have left there.

The list is not filtered by DateSent: a message that still waits in the carrier's queue has no such
date, would be missed, and would then be sent a second time. Source of the list's filters and pages:
Twilio, "Messages resource", and "Paging through resources".
"""

import json
import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import structlog
from yarl import URL

from outbound_sms.carriers import twilio_codes
from outbound_sms.carriers.carrier import CannotTell, Found, LookUp, NotFound, ReceiptState

_log = structlog.get_logger(__name__)

# The carrier's clock shows whole seconds and may be behind ours. Too early a message of the same
# body costs nothing, when it is one of `known_ids`; one that is missed would be sent twice.
_CLOCK_SKEW = timedelta(seconds=60)
_PAGE_SIZE = 1000
_CODE = re.compile("[0-9]{1,9}")
_MAX_PAGES = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the missing message looks like; the fields are those of `Carrier.look_up`."""

    sender: str
    recipient: str
    body: str
    not_before: datetime
    known_ids: AbstractSet[str]


class _Unreadable(Exception):
    """The carrier's answer to the look-up is not what its documentation says."""


async def look_up(
    session: aiohttp.ClientSession, origin: str, messages_url: URL, wanted: Wanted
) -> LookUp:
    """Reads every page of the account's messages to the recipient, and compares.

    Two messages that both fit are no answer: either may belong to another submission in doubt.
    """
    query = {"To": wanted.recipient, "PageSize": str(_PAGE_SIZE)}
    if not wanted.sender.startswith("MG"):
        query["From"] = wanted.sender
    url = messages_url.with_query(query)
    fitting: dict[str, Found] = {}
    try:
        for _ in range(_MAX_PAGES):
            page = await _fetch(session, url)
            for row in page["messages"]:
                found = match(row, wanted)
                if found is not None:
                    fitting[found.carrier_message_id] = found
            next_page = page.get("next_page_uri")
            if not next_page:
                return _conclude(fitting)
            url = _next_url(origin, next_page)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return CannotTell(type(error).__name__)
    except (_Unreadable, LookupError, TypeError, AttributeError, ValueError) as error:
        _log.error("carrier_list_not_understood", cause=type(error).__name__)
        return CannotTell("the carrier's list could not be read")
    return CannotTell(f"more than {_MAX_PAGES} pages of messages to one recipient")


def match(row: dict[str, Any], wanted: Wanted) -> Found | None:
    """The row of the carrier's list as `Found`, or None when it is some other message.

    Raises ValueError, LookupError or TypeError for a row that is not as documented.
    """
    if row["sid"] in wanted.known_ids or row["to"] != wanted.recipient:
        return None
    sender = row["messaging_service_sid"] if wanted.sender.startswith("MG") else row["from"]
    earliest = wanted.not_before.astimezone(UTC) - _CLOCK_SKEW
    if (
        sender != wanted.sender
        or row["body"].strip() != wanted.body.strip()
        or parsedate_to_datetime(row["date_created"]) < earliest
    ):
        return None
    return _found(row)


def reason(status: str, carrier_code: str | None) -> str:
    """The taxonomy's reason for a message that failed after the carrier had accepted it."""
    if carrier_code is None:
        return twilio_codes.CANCELLED if status == "canceled" else twilio_codes.UNKNOWN
    known = twilio_codes.REASONS.get(int(carrier_code)) if _CODE.fullmatch(carrier_code) else None
    if known is None:
        _log.error("carrier_code_unknown", status=status, carrier_code=carrier_code)
    return known or twilio_codes.UNKNOWN


def segments(value: object) -> int | None:
    """The carrier's own segment count, or None where it does not know it yet (it then says 0)."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 6:
        return int(value) or None
    return None


def _found(row: dict[str, Any]) -> Found:
    status = row["status"]
    state = twilio_codes.STATES[status]
    code = None if row.get("error_code") is None else str(row["error_code"])
    failed = state in (ReceiptState.UNDELIVERED, ReceiptState.FAILED)
    return Found(
        carrier_message_id=row["sid"],
        state=state,
        reason=reason(status, code) if failed else None,
        carrier_code=code,
        segments=segments(row.get("num_segments")),
    )


def _conclude(fitting: dict[str, Found]) -> LookUp:
    if not fitting:
        return NotFound()
    if len(fitting) > 1:
        return CannotTell(f"{len(fitting)} messages fit")
    return next(iter(fitting.values()))


def _next_url(origin: str, next_page: str) -> URL:
    # The session adds the account's secret to every request: only a path is followed, on our host.
    if not next_page.startswith("/"):
        raise _Unreadable
    return URL(origin + next_page, encoded=True)


async def _fetch(session: aiohttp.ClientSession, url: URL) -> dict[str, Any]:
    async with session.get(url, allow_redirects=False) as response:
        body = await response.read()
    if response.status != 200:
        raise _Unreadable
    page = json.loads(body)
    if not isinstance(page, dict) or not isinstance(page.get("messages"), list):
        raise _Unreadable
    return page
