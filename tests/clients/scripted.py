"""A server that answers as a test says, for what a real one does only when things go wrong."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from outboundsms.v1 import delivery_pb2, directory_pb2, triggers_pb2

Stream = Callable[[delivery_pb2.WatchMessagesRequest, Any], AsyncIterator[Any]]
Fire = Callable[[AsyncIterator[triggers_pb2.FireTriggersRequest], Any], AsyncIterator[Any]]
Create = Callable[[directory_pb2.CreateCompanyRequest, Any], Awaitable[Any]]


class ScriptedDelivery:
    """Each watch runs the next script, the last one again and again."""

    def __init__(self, *scripts: Stream) -> None:
        self._scripts = list(scripts)
        self.requests: list[delivery_pb2.WatchMessagesRequest] = []

    def handlers(self) -> grpc.GenericRpcHandler:
        """For the server."""
        request, response = delivery_pb2.WatchMessagesRequest, delivery_pb2.WatchMessagesResponse
        watch = grpc.unary_stream_rpc_method_handler(
            self._watch, request.FromString, response.SerializeToString
        )
        return grpc.method_handlers_generic_handler(
            "outboundsms.v1.Delivery", {"WatchMessages": watch}
        )

    async def _watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self.requests.append(request)
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        async for answer in script(request, context):
            yield answer


class ScriptedDirectory:
    """Creates companies as the test says."""

    def __init__(self, create: Create) -> None:
        self._create = create
        self.requests: list[directory_pb2.CreateCompanyRequest] = []
        self.metadata: list[dict[str, str | bytes]] = []

    def handlers(self) -> grpc.GenericRpcHandler:
        """For the server."""
        request, response = directory_pb2.CreateCompanyRequest, directory_pb2.CreateCompanyResponse
        create = grpc.unary_unary_rpc_method_handler(
            self._create_company, request.FromString, response.SerializeToString
        )
        return grpc.method_handlers_generic_handler(
            "outboundsms.v1.Directory", {"CreateCompany": create}
        )

    async def _create_company(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        return await self._create(request, context)


class ScriptedTriggers:
    """Each stream of events runs the next script, the last one again and again.

    `received` has the requests of each stream, as far as its script read them.
    """

    def __init__(self, *scripts: Fire) -> None:
        self._scripts = list(scripts)
        self.received: list[list[triggers_pb2.FireTriggersRequest]] = []
        self.fired: list[triggers_pb2.FireTriggerRequest] = []

    def handlers(self) -> grpc.GenericRpcHandler:
        """For the server."""
        many, answers = triggers_pb2.FireTriggersRequest, triggers_pb2.FireTriggersResponse
        one, answer = triggers_pb2.FireTriggerRequest, triggers_pb2.FireTriggerResponse
        return grpc.method_handlers_generic_handler(
            "outboundsms.v1.Triggers",
            {
                "FireTriggers": grpc.stream_stream_rpc_method_handler(
                    self._fire_all, many.FromString, answers.SerializeToString
                ),
                "FireTrigger": grpc.unary_unary_rpc_method_handler(
                    self._fire, one.FromString, answer.SerializeToString
                ),
            },
        )

    async def _fire_all(
        self, requests: AsyncIterator[triggers_pb2.FireTriggersRequest], context: Any
    ) -> AsyncIterator[Any]:
        received: list[triggers_pb2.FireTriggersRequest] = []
        self.received.append(received)

        async def noted() -> AsyncIterator[triggers_pb2.FireTriggersRequest]:
            async for request in requests:
                received.append(request)
                yield request

        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        async for answer in script(noted(), context):
            yield answer

    async def _fire(self, request: triggers_pb2.FireTriggerRequest, context: Any) -> Any:
        """Cannot be reached the first time."""
        self.fired.append(request)
        if len(self.fired) == 1:
            await fail(context, grpc.StatusCode.UNAVAILABLE, "DRAINING")
        return triggers_pb2.FireTriggerResponse(
            result=triggers_pb2.FireResult(outcome=triggers_pb2.FIRE_OUTCOME_FIRED)
        )


@asynccontextmanager
async def scripted_server(
    *,
    delivery: ScriptedDelivery | None = None,
    directory: ScriptedDirectory | None = None,
    triggers: ScriptedTriggers | None = None,
) -> AsyncIterator[str]:
    """Serves on a free port; gives the address."""
    server = grpc.aio.server()
    scripted = [each.handlers() for each in (delivery, directory, triggers) if each is not None]
    server.add_generic_rpc_handlers(scripted)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


def answer(cursor: str, *events: tuple[str, int]) -> delivery_pb2.WatchMessagesResponse:
    """An answer with events, each a message id and a version."""
    return delivery_pb2.WatchMessagesResponse(
        cursor=cursor,
        events=[
            delivery_pb2.MessageEvent(message_id=message_id, version=version)
            for message_id, version in events
        ],
    )


async def fail(
    context: Any, code: grpc.StatusCode, reason: str = "", *details: Any, **metadata: str
) -> None:
    """Ends a call as the real server does: with ErrorInfo when there is a reason."""
    status = status_pb2.Status(code=code.value[0], message="It went wrong.")
    if reason:
        info = error_details_pb2.ErrorInfo(
            reason=reason, domain="outboundsms.v1", metadata=metadata
        )
        status.details.add().Pack(info)
    for detail in details:
        status.details.add().Pack(detail)
    trailers = (("grpc-status-details-bin", status.SerializeToString()), ("call-id", "c-1"))
    await context.abort(code, "It went wrong.", trailers if reason else ())


def stream(*answers: Any, then: grpc.StatusCode | None = None, reason: str = "") -> Stream:
    """A script: these answers, then an error; without one the stream stays open."""

    async def script(_request: Any, context: Any) -> AsyncIterator[Any]:
        for each in answers:
            yield each
        if then is None:
            await asyncio.Event().wait()
        elif then == grpc.StatusCode.OK:
            return
        else:
            await fail(context, then, reason)

    return script
