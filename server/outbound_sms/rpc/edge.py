"""What happens around every handler, at one place.

The steps of a call, from the outside in, and why each is where it is:

1. call id: everything that is logged later carries it;
2. access log: one line for each call, also for those that fail in any later step;
3. metrics: they count what the log tells;
4. errors: the only place that ends a call with a status; outside of all that may raise;
5. limits and deadline: before the key is looked up, which may have to wait for the database;
6. key and permission: who calls, from which instance, and whether they may;
7. room of the instance: once it is known;
8. decoding: after the key, so that strangers cannot make the server parse.

A handler is wrapped once, when it is registered: a chain of `grpc.aio.ServerInterceptor`s would
run, and look the handler up, for each call.
"""

from collections.abc import Mapping
from typing import Any

import grpc

from outbound_sms.rpc.gate import Gate
from outbound_sms.rpc.methods import Method
from outbound_sms.rpc.open_streams import OpenStreams
from outbound_sms.rpc.streaming import StreamServer
from outbound_sms.rpc.unary import serve_unary


class Edge:
    """Registers services with a server, every handler wrapped."""

    def __init__(self, gate: Gate, streams: OpenStreams, methods: Mapping[str, Method]) -> None:
        self._gate = gate
        self._streaming = StreamServer(gate, streams)
        self._methods = methods

    def target(self, server: grpc.aio.Server) -> "Registrar":
        """What to pass to the `add_..._to_server` functions of the stubs in place of `server`."""
        return Registrar(self, server)

    def wrap(self, path: str, handler: Any) -> Any:
        """The handler of the method `/package.Service/Name` with all steps around it."""
        method, decode = self._methods[path], handler.request_deserializer
        encode = handler.response_serializer
        if handler.unary_unary:
            served = serve_unary(self._gate, method, decode, handler.unary_unary)
            return grpc.unary_unary_rpc_method_handler(served, None, encode)
        if handler.unary_stream:
            served = self._streaming.unary_stream(method, decode, handler.unary_stream)
            return grpc.unary_stream_rpc_method_handler(served, None, encode)
        if handler.stream_unary:
            served = self._streaming.stream_unary(method, decode, handler.stream_unary)
            return grpc.stream_unary_rpc_method_handler(served, None, encode)
        served = self._streaming.stream_stream(method, decode, handler.stream_stream)
        return grpc.stream_stream_rpc_method_handler(served, None, encode)


class Registrar:
    """Stands in for the server while a stub registers its handlers."""

    def __init__(self, edge: Edge, server: grpc.aio.Server) -> None:
        self._edge = edge
        self._handlers: dict[str, Any] = {}
        server.add_generic_rpc_handlers((_Handlers(self._handlers),))

    def add_generic_rpc_handlers(self, handlers: object) -> None:
        """Stubs register every handler twice; this way, which does not name them, is left out."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Registers the handlers of a service, wrapped. Raises KeyError for an unknown method.

        All go into one table: where handlers are registered by method, grpc.aio waits for a call to
        each of them, and a call costs the more the more methods there are.
        """
        for name, handler in handlers.items():
            path = f"/{service}/{name}"
            self._handlers[path] = self._edge.wrap(path, handler)


class _Handlers(grpc.GenericRpcHandler):
    """The handlers of all services by path."""

    def __init__(self, handlers: Mapping[str, Any]) -> None:
        self._handlers = handlers

    def service(self, handler_call_details: Any) -> Any:
        return self._handlers.get(handler_call_details.method)
