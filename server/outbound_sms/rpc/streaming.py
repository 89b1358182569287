"""How streams are served. `edge.py` lists the steps and their reasons.

The handlers that are made here use the reader and writer interface of grpc.aio: a time-out may then
interrupt them anywhere, which it must not do to an async generator that grpc itself is driving.
"""

import asyncio
import inspect
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from outbound_sms import metrics
from outbound_sms.rpc.call import Call, MethodMetrics
from outbound_sms.rpc.decode import Decode, read_request, read_requests
from outbound_sms.rpc.gate import Gate
from outbound_sms.rpc.methods import Method
from outbound_sms.rpc.open_streams import OpenStream, OpenStreams, draining, life_is_over
from outbound_sms.rpc.redact import redacted

Handler = Callable[[Any, Any], Awaitable[Any]]
StreamHandler = Callable[[Any, Any], AsyncGenerator[Any, None]]
_Work = Callable[[OpenStream, Any, Any], Awaitable[Any]]


class StreamServer:
    """Makes the handlers of streaming methods."""

    def __init__(self, gate: Gate, streams: OpenStreams) -> None:
        self._gate = gate
        self._streams = streams

    def unary_stream(self, method: Method, decode: Decode, handler: StreamHandler) -> Handler:
        """One request as bytes, many answers."""
        _check_generator(method, handler)

        async def work(stream: OpenStream, raw: bytes, context: Any) -> None:
            await _write_all(stream, handler(read_request(decode, raw), context), context)

        return self._serve(method, work, lambda raw: redacted(decode(raw)))

    def stream_stream(self, method: Method, decode: Decode, handler: StreamHandler) -> Handler:
        """Many requests as bytes, many answers."""
        _check_generator(method, handler)

        async def work(stream: OpenStream, raws: AsyncIterator[bytes], context: Any) -> None:
            async with aclosing(read_requests(decode, raws)) as requests:
                await _write_all(stream, handler(requests, context), context)

        return self._serve(method, work, lambda _: "a stream")

    def stream_unary(self, method: Method, decode: Decode, handler: Handler) -> Handler:
        """Many requests as bytes, one answer."""

        async def work(stream: OpenStream, raws: AsyncIterator[bytes], context: Any) -> Any:
            async with aclosing(read_requests(decode, raws)) as requests:
                return await handler(requests, context)

        return self._serve(method, work, lambda _: "a stream")

    def _serve(self, method: Method, work: _Work, shown: Callable[[Any], object]) -> Handler:
        method_metrics = MethodMetrics(method.path)

        async def serve(request: Any, context: Any) -> Any:
            call = Call(method.path, method_metrics)
            metrics.STREAMS_OPEN.inc()
            try:
                response = await self._guarded(call, method, work, request, context)
            except asyncio.CancelledError:
                # The client has gone; nobody is there to be answered.
                call.end("CANCELLED")
                raise
            except Exception as error:
                status = call.failure(error, lambda: shown(request))
            else:
                call.end("OK")
                return response
            finally:
                metrics.STREAMS_OPEN.dec()
            return await call.abort(context, status)

        return serve

    async def _guarded(
        self, call: Call, method: Method, work: _Work, request: Any, context: Any
    ) -> Any:
        room, streams = self._gate.streams, self._streams
        if streams.drain.is_set():
            raise draining()
        room.enter()
        try:
            async with asyncio.timeout(streams.random_life()) as deadline:
                stream = OpenStream(method, deadline)
                streams.add(stream)
                try:
                    caller = call.caller = await self._gate.admit(method, context, room)
                    try:
                        if caller is not None:
                            stream.api_key_id = caller.api_key_id
                        return await work(stream, request, context)
                    finally:
                        self._gate.leave(caller, room)
                finally:
                    streams.remove(stream)
        except TimeoutError:
            if not deadline.expired():
                raise
        finally:
            room.leave()
        raise stream.ended_by or life_is_over()


async def _write_all(
    stream: OpenStream, responses: AsyncGenerator[Any, None], context: Any
) -> None:
    async with aclosing(responses) as open_responses:
        async for response in open_responses:
            stream.writing_since = time.monotonic()
            await context.write(response)
            stream.writing_since = None


def _check_generator(method: Method, handler: object) -> None:
    if not inspect.isasyncgenfunction(handler):
        raise TypeError(f"{method.path} must be served by an async generator function")
