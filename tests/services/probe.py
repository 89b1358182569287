"""A server whose handlers misbehave as a test tells them, with the real edge around them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from outbound_sms.app import Parts
from outbound_sms.rpc.server import Registration
from outboundsms.v1 import delivery_pb2 as pb
from outboundsms.v1 import delivery_pb2_grpc, directory_pb2, directory_pb2_grpc

Act = Callable[[], Awaitable[Any]]


class Probe(delivery_pb2_grpc.DeliveryServicer):
    """Serves Delivery: GetMessage does `act`, WatchMessages does it before each of its answers.

    `size` is how many bytes an answer has; `running` counts the handlers that are in progress.
    """

    def __init__(self) -> None:
        self.act: Act = nothing
        self.size = 0
        self.running = 0
        self.requests: list[Any] = []

    async def ListMessages(self, request: Any, context: Any) -> Any:
        return pb.ListMessagesResponse()

    async def GetDeliveryStats(self, request: Any, context: Any) -> Any:
        return pb.GetDeliveryStatsResponse()

    async def RequeueMessages(self, request: Any, context: Any) -> Any:
        return pb.RequeueMessagesResponse()

    async def GetMessage(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        self.running += 1
        try:
            await self.act()
        finally:
            self.running -= 1
        return pb.GetMessageResponse(message=pb.Message(message_id="x" * self.size))

    async def WatchMessages(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self.running += 1
        try:
            yield pb.WatchMessagesResponse(cursor="first")
            while True:
                await self.act()
                yield pb.WatchMessagesResponse(cursor="x" * self.size)
        finally:
            self.running -= 1

    def registrations(self, parts: Parts) -> list[Registration]:
        """For `run_server`."""
        return [
            Registration(
                pb.DESCRIPTOR.services_by_name["Delivery"],
                delivery_pb2_grpc.add_DeliveryServicer_to_server,
                self,
            ),
            Registration(
                directory_pb2.DESCRIPTOR.services_by_name["Directory"],
                directory_pb2_grpc.add_DirectoryServicer_to_server,
                Echo(),  # type: ignore[abstract]
            ),
        ]


class Echo(directory_pb2_grpc.DirectoryServicer):
    """Serves Directory: Import answers each request with as many accepted rows as it holds."""

    async def Import(self, request_iterator: Any, context: Any) -> AsyncIterator[Any]:
        async for request in request_iterator:
            yield directory_pb2.ImportResponse(accepted=len(request.rows))


async def nothing() -> None:
    """An act."""


async def for_ever() -> None:
    """An act."""
    await asyncio.Event().wait()


def failing(error: Exception) -> Act:
    """An act that raises `error`."""

    async def fail() -> None:
        raise error

    return fail
