"""GET Messages.json and GET Messages/SID.json, with Twilio's filters and pages."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from urllib.parse import urlencode

from aiohttp import web

from outbound_sms.carriers.sandbox.messages import Message, MessageIndex
from outbound_sms.carriers.sandbox.recipients import Refusal
from outbound_sms.carriers.sandbox.submissions import error_response, json_response

_DEFAULT_PAGE_SIZE = 50
_MAX_PAGE_SIZE = 1000
_DAY, _SECOND = timedelta(days=1), timedelta(seconds=1)
_NOT_FOUND = Refusal(404, 20404, "The requested resource was not found")


class Listing:
    """Handles the reading of one account's messages."""

    def __init__(self, account_sid: str, messages: MessageIndex) -> None:
        self._account_sid = account_sid
        self._messages = messages

    async def get_message(self, request: web.Request) -> web.StreamResponse:
        """The handler of GET Messages/SID.json."""
        message = self._messages.get(request.match_info["message_sid"])
        if message is None:
            return error_response(_NOT_FOUND)
        return json_response(message.resource(self._account_sid))

    async def list_messages(self, request: web.Request) -> web.StreamResponse:
        """The handler of GET Messages.json: newest first, then by page token."""
        query = request.query
        try:
            page_size = int(query.get("PageSize", _DEFAULT_PAGE_SIZE))
            page = int(query.get("Page", 0))
            below = int(query["PageToken"].removeprefix("PA")) if "PageToken" in query else None
            fitting = self._fitting(dict(query), below)
        except (ValueError, OverflowError):
            return error_response(Refusal(400, 20001, "A query parameter cannot be read."))
        page_size = min(max(page_size, 1), _MAX_PAGE_SIZE)
        rows = list(islice(fitting, page_size + 1))
        following = None
        if len(rows) > page_size:
            rows.pop()
            token = f"PA{rows[-1].sequence}"
            following = {**query, "PageSize": page_size, "Page": page + 1, "PageToken": token}
        first = {name: value for name, value in query.items() if name != "PageToken"}
        first |= {"PageSize": str(page_size), "Page": "0"}
        path = request.path
        return json_response(
            {
                "messages": [row.resource(self._account_sid) for row in rows],
                "page": page,
                "page_size": page_size,
                "uri": request.path_qs,
                "first_page_uri": f"{path}?{urlencode(first)}",
                "next_page_uri": f"{path}?{urlencode(following)}" if following else None,
                "previous_page_uri": None,
            }
        )

    def _fitting(self, query: dict[str, str], below: int | None) -> Iterator[Message]:
        sender = query.get("From")
        periods = _periods(query)
        return (
            message
            for message in self._messages.newest_first(query.get("To"))
            if (sender is None or message.sender == sender)
            and (below is None or message.sequence < below)
            and (not periods or (message.sent is not None and _fits(message.sent, periods)))
        )


@dataclass(frozen=True, slots=True)
class _Period:
    """What a filter names: a day of GMT, or one second, since Twilio shows no fractions of it."""

    start: datetime
    length: timedelta


def _periods(query: Mapping[str, str]) -> dict[str, _Period]:
    """The filters by date of `query`. "DateSent>=2024-01-31" arrives as the name "DateSent>".

    Twilio's own libraries add a time to every date; DateSent means the day all the same.
    """
    periods = {name: _period(query[name]) for name in ("DateSent>", "DateSent<") if name in query}
    if "DateSent" in query:
        instant = _period(query["DateSent"]).start.astimezone(UTC)
        midnight = instant.replace(hour=0, minute=0, second=0, microsecond=0)
        periods["DateSent"] = _Period(midnight, _DAY)
    return periods


def _period(text: str) -> _Period:
    instant = datetime.fromisoformat(text)
    start = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return _Period(start, _DAY if len(text) == len("2024-01-31") else _SECOND)


def _fits(sent: datetime, periods: Mapping[str, _Period]) -> bool:
    """Whether a message was sent in, from (">") or up to ("<") each of the periods."""
    for name, period in periods.items():
        elapsed = sent - period.start
        if name != "DateSent<" and elapsed < timedelta():
            return False
        if name != "DateSent>" and elapsed >= period.length:
            return False
    return True
