"""What a carrier sent to us over HTTP, once it is known to be the carrier's."""

from collections.abc import Mapping

from aiohttp import web
from prometheus_client import Counter

from outbound_sms.carriers.carrier import Callback, CallbackCarrier, Carrier
from outbound_sms.domain.callback import CallbackAddress


class SignedCallbacks:
    """Lets in what a carrier of ours has signed. What is refused is counted as forged."""

    def __init__(
        self, carriers: Mapping[str, Carrier], callbacks: CallbackAddress, counter: Counter
    ) -> None:
        """`carriers` are those of the configuration; some may make no callbacks.

        `counter` has one label, which here gets the value `forged`.
        """
        self._carriers = {
            name: carrier
            for name, carrier in carriers.items()
            if isinstance(carrier, CallbackCarrier)
        }
        self._callbacks = callbacks
        self._counter = counter

    async def read(self, request: web.Request) -> tuple[CallbackCarrier, Callback]:
        """The carrier that the path names, and the request as that carrier made it.

        Raises what aiohttp answers with: 404 when no carrier of this name makes callbacks, 403 when
        it did not sign this one, 413 when the body is too long, 400 when it cannot be unpacked.
        """
        carrier = self._carriers.get(request.match_info["carrier"])
        if carrier is None:
            raise web.HTTPNotFound(text="")
        headers = {name.lower(): value for name, value in request.headers.items()}
        # As it came: aiohttp's own reading of it drops a question mark with nothing after it.
        target = request.raw_path if request.raw_path.startswith("/") else request.path_qs
        url = self._callbacks.public_url(target)
        try:
            body = await request.read()
        except web.RequestPayloadError:
            raise web.HTTPBadRequest(text="") from None
        callback = Callback(url, headers, body)
        if not carrier.verify(callback):
            raise self.forged()
        return carrier, callback

    def forged(self) -> web.HTTPForbidden:
        """Counts a callback that is not what it claims to be; what to answer it with."""
        self._counter.labels("forged").inc()
        return web.HTTPForbidden(text="")
