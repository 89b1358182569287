"""One page of a list, for the many lists whose key is the id."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from google.protobuf.message import Message

from outbound_sms.rpc.pages import Pages


class _HasId(Protocol):
    @property
    def id(self) -> UUID: ...  # pragma: no cover


Row = TypeVar("Row", bound=_HasId)


async def read_page(
    pages: Pages, request: Message, fetch: Callable[[UUID | None, int], Awaitable[Sequence[Row]]]
) -> tuple[Sequence[Row], str]:
    """The rows of the page that the request asks for, and the token of the next one or "".

    `fetch(after, limit)` returns rows that come after an id; one row more than a page is asked for,
    which tells whether there is a next page.
    """
    page = pages.read(request)
    rows = await fetch(None if page.after is None else UUID(page.after), page.size + 1)
    shown = rows[: page.size]
    more = len(rows) > page.size
    return shown, pages.next_token(request, str(shown[-1].id)) if more else ""
