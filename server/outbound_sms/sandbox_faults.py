"""Faults of a sandbox that are requested one by one, over HTTP, and happen once each."""

import json
from collections import deque
from enum import StrEnum
from typing import Generic, TypeVar

from aiohttp import web

_MAX_COUNT = 1_000_000

Fault = TypeVar("Fault", bound=StrEnum)


class RequestedFaults(Generic[Fault]):
    """The faults that were requested and have not happened yet, in the order of the requests.

    A fault is for one subject (the recipient of a text, the payment method of a charge), or for
    whatever comes next.
    """

    def __init__(self) -> None:
        self._requested: dict[str | None, deque[Fault]] = {}

    def request(self, fault: Fault, *, subject: str | None, count: int) -> None:
        """The next `count` requests (with this subject, when given) meet this fault."""
        self._requested.setdefault(subject, deque()).extend([fault] * count)

    def clear(self) -> None:
        """Forgets them."""
        self._requested.clear()

    def next(self, subject: str) -> Fault | None:
        """What happens to the request that has just arrived. Its own faults come first."""
        if not self._requested:
            return None
        for key in (subject, None):
            if waiting := self._requested.get(key):
                fault = waiting.popleft()
                if not waiting:
                    del self._requested[key]
                return fault
        return None

    async def take_request(self, request: web.Request, faults: type[Fault], field: str) -> None:
        """Reads {"fault": "drop", FIELD: "...", "count": 1}, of which two are optional.

        `field` names the subject. Raises ValueError, with what is wrong, for anything else.
        """
        try:
            wanted = json.loads(await request.read())
            fault = faults(wanted["fault"])
            subject = wanted.get(field)
            count = wanted.get("count", 1)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ValueError(f"fault must be one of: {', '.join(faults)}") from error
        if not isinstance(count, int) or not 1 <= count <= _MAX_COUNT:
            raise ValueError(f"count must be from 1 to {_MAX_COUNT}")
        if subject is not None and not isinstance(subject, str):
            raise ValueError(f"{field} must be a text")
        self.request(fault, subject=subject, count=count)


def drop(request: web.Request) -> web.StreamResponse:
    """Breaks the connection instead of answering."""
    if request.transport is not None:
        request.transport.abort()
    # Never reaches anybody: the connection is gone.
    return web.Response()
