"""What every call of the client does: it sends the API key, and fails with a typed error."""

import uuid
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

import grpc
import grpc.aio
from google.protobuf.message import Message

from outboundsms.errors import OutboundSmsError
from outboundsms.policy import fills_request_id

Request = TypeVar("Request")
Response = TypeVar("Response")
Requests = AsyncIterable[Request] | Iterable[Request]
Call = Callable[[grpc.aio.ClientCallDetails, Request], Awaitable[Response]]


def interceptors(api_key: str) -> list[grpc.aio.ClientInterceptor]:
    """One interceptor for each kind of call, as grpc.aio asks for them."""
    return [_UnaryUnary(api_key), _UnaryStream(api_key), _StreamStream(api_key)]


class _Authorised:
    def __init__(self, api_key: str) -> None:
        self._header = ("authorization", f"Bearer {api_key}")

    def _with_key(self, details: grpc.aio.ClientCallDetails) -> grpc.aio.ClientCallDetails:
        metadata = grpc.aio.Metadata(*(details.metadata or ()))
        metadata.add(*self._header)
        return grpc.aio.ClientCallDetails(
            details.method, details.timeout, metadata, details.credentials, details.wait_for_ready
        )


class _UnaryUnary(_Authorised, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(
        self,
        continuation: Call[Request, grpc.aio.UnaryUnaryCall[Request, Response]],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Request,
    ) -> grpc.aio.UnaryUnaryCall[Request, Response]:
        request = _once(client_call_details.method, request)
        call = await continuation(self._with_key(client_call_details), request)
        try:
            await call
        except grpc.aio.AioRpcError as error:
            raise OutboundSmsError.of(error) from None
        return call


class _UnaryStream(_Authorised, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(
        self,
        continuation: Call[Request, grpc.aio.UnaryStreamCall[Request, Response]],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Request,
    ) -> AsyncIterator[Response]:
        return _responses(await continuation(self._with_key(client_call_details), request))


class _StreamStream(_Authorised, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(
        self,
        continuation: Call[Requests[Request], grpc.aio.StreamStreamCall[Request, Response]],
        client_call_details: grpc.aio.ClientCallDetails,
        request_iterator: Requests[Request],
    ) -> AsyncIterator[Response]:
        return _responses(await continuation(self._with_key(client_call_details), request_iterator))


async def _responses(
    call: grpc.aio.UnaryStreamCall[Request, Response]
    | grpc.aio.StreamStreamCall[Request, Response],
) -> AsyncIterator[Response]:
    try:
        async for response in call:
            yield response
    except grpc.aio.AioRpcError as error:
        raise OutboundSmsError.of(error) from None
    finally:
        # A stream that is dropped without this stays open on the server until the channel closes.
        call.cancel()


def _once(method: str | bytes, request: Request) -> Request:
    """Gives a request an id where it may have one and has none, so that a retry is harmless."""
    name = method.decode() if isinstance(method, bytes) else method
    if not fills_request_id(name) or not isinstance(request, Message):
        return request
    if getattr(request, "request_id", None):
        return request
    copy = type(request)()
    copy.CopyFrom(request)
    setattr(copy, "request_id", str(uuid.uuid4()))  # noqa: B010
    return copy
