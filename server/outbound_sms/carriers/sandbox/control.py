"""The endpoints under /control/, which no carrier has: for tests and people who look on."""

from aiohttp import web

from outbound_sms.carriers.sandbox.callbacks import CallbackSender
from outbound_sms.carriers.sandbox.faults import Fault, FaultScript
from outbound_sms.carriers.sandbox.messages import MessageIndex
from outbound_sms.carriers.sandbox.submissions import Submissions, json_response


class Control:
    """Handles requests for single faults, and shows what has happened."""

    def __init__(
        self,
        messages: MessageIndex,
        submissions: Submissions,
        callbacks: CallbackSender,
        faults: FaultScript,
    ) -> None:
        self._messages = messages
        self._submissions = submissions
        self._callbacks = callbacks
        self._faults = faults

    async def request_fault(self, request: web.Request) -> web.StreamResponse:
        """POST {"fault": "accept-drop", "recipient": "+1...", "count": 1}; two are optional."""
        try:
            await self._faults.requested.take_request(request, Fault, "recipient")
        except ValueError as error:
            return json_response({"error": str(error)}, 400)
        return web.Response(status=204)

    async def clear_faults(self, request: web.Request) -> web.StreamResponse:
        """DELETE: forgets the requested faults that have not happened yet."""
        self._faults.requested.clear()
        return web.Response(status=204)

    async def accepted(self, request: web.Request) -> web.StreamResponse:
        """GET: the retained messages as in the accept log, oldest first; ?recipient= narrows."""
        found = list(self._messages.newest_first(request.query.get("recipient")))
        return json_response({"accepted": [message.accepted_record() for message in found[::-1]]})

    async def statistics(self, request: web.Request) -> web.StreamResponse:
        """GET: counts since the start; `travelling` messages still have statuses before them."""
        return json_response(
            {
                "accepted": self._messages.accepted,
                "refused": self._submissions.refused,
                "travelling": self._callbacks.travelling,
                "callbacks_told": self._callbacks.told,
                "callbacks_abandoned": self._callbacks.abandoned,
            }
        )
