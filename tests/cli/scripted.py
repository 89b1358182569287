"""A server that answers any method of the contract as a test says, and commands that call it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import click
import grpc
from click.testing import CliRunner, Result
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from outboundsms.policy import methods

Answer = Message | Callable[[Any, Any], Any]
"""A message, an async function of request and context, or an async generator for a stream."""


@dataclass(slots=True)
class Scripted:
    """Answers by method, such as `Billing.GetBalance`; the last of a list again and again.

    `requests` has what was asked, by method.
    """

    answers: Mapping[str, list[Answer]]
    requests: dict[str, list[Any]] = field(default_factory=dict)

    def handlers(self) -> list[grpc.GenericRpcHandler]:
        """For the server. Methods without an answer are not there."""
        return [self._handler(method) for method in methods() if _name(method) in self.answers]

    def _handler(self, method: MethodDescriptor) -> grpc.GenericRpcHandler:
        request = GetMessageClass(method.input_type).FromString
        if method.server_streaming:
            made = grpc.unary_stream_rpc_method_handler(
                self._stream(_name(method)), request, _serialize
            )
        else:
            made = grpc.unary_unary_rpc_method_handler(
                self._call(_name(method)), request, _serialize
            )
        service = method.containing_service.full_name
        return grpc.method_handlers_generic_handler(service, {method.name: made})

    def _call(self, name: str) -> Callable[[Any, Any], Any]:
        async def call(request: Any, context: Any) -> Any:
            answer = self._next(name, request)
            return answer if isinstance(answer, Message) else await answer(request, context)

        return call

    def _stream(self, name: str) -> Callable[[Any, Any], AsyncIterator[Any]]:
        async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
            answer = self._next(name, request)
            assert not isinstance(answer, Message)
            async for each in answer(request, context):
                yield each

        return stream

    def _next(self, name: str, request: Any) -> Answer:
        self.requests.setdefault(name, []).append(request)
        answers = self.answers[name]
        return answers.pop(0) if len(answers) > 1 else answers[0]


@dataclass(frozen=True, slots=True)
class Terminal:
    """Runs commands against a scripted server."""

    address: str
    server: Scripted

    async def run(self, command: click.Command, *arguments: str) -> Result:
        """How the command ended and what it wrote; it runs in a thread, as its loop must."""
        environment = {"OUTBOUND_SMS_TARGET": self.address, "OUTBOUND_SMS_API_KEY": "key"}
        ran = await asyncio.to_thread(CliRunner().invoke, command, arguments, env=environment)
        assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
        return ran

    def requests(self, name: str) -> list[Any]:
        """What was asked of a method, such as `Billing.AddFunds`."""
        return self.server.requests.get(name, [])


@asynccontextmanager
async def scripted(answers: Mapping[str, Any]) -> AsyncIterator[Terminal]:
    """A terminal beside a server, on a free port. Each value is an Answer, or a list of them."""
    server = Scripted(
        {name: each if isinstance(each, list) else [each] for name, each in answers.items()}
    )
    running = grpc.aio.server()
    running.add_generic_rpc_handlers(server.handlers())
    port = running.add_insecure_port("127.0.0.1:0")
    await running.start()
    try:
        yield Terminal(f"127.0.0.1:{port}", server)
    finally:
        await running.stop(None)


def words(text: str) -> str:
    """The text with the breaks and gaps between its words made single spaces."""
    return " ".join(text.split())


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


def _name(method: MethodDescriptor) -> str:
    return f"{method.containing_service.name}.{method.name}"
