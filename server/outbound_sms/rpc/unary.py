"""How a unary RPC is served. `edge.py` lists the steps and their reasons."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from outbound_sms import metrics
from outbound_sms.domain.errors import DeadlineExceeded, Reason
from outbound_sms.rpc.call import Call, MethodMetrics
from outbound_sms.rpc.decode import Decode, read_request
from outbound_sms.rpc.gate import Gate
from outbound_sms.rpc.methods import Method
from outbound_sms.rpc.redact import redacted

Handler = Callable[[Any, Any], Awaitable[Any]]


def serve_unary(gate: Gate, method: Method, decode: Decode, handler: Handler) -> Handler:
    """The handler with every step around it; it takes the request as bytes."""
    method_metrics = MethodMetrics(method.path)

    async def work(call: Call, raw: bytes, context: Any) -> Any:
        gate.unary.enter()
        try:
            async with asyncio.timeout(_seconds_for(gate, context)) as deadline:
                caller = call.caller = await gate.admit(method, context, gate.unary)
                try:
                    return await handler(read_request(decode, raw), context)
                finally:
                    gate.leave(caller, gate.unary)
        except TimeoutError:
            if not deadline.expired():
                raise
        finally:
            gate.unary.leave()
        raise DeadlineExceeded(
            Reason.DEADLINE_EXCEEDED, "The call took longer than its deadline; allow it more time."
        )

    async def serve(raw: bytes, context: Any) -> Any:
        call = Call(method.path, method_metrics)
        metrics.UNARY_IN_FLIGHT.inc()
        try:
            response = await work(call, raw, context)
        except asyncio.CancelledError:
            # The client has gone, or its deadline has passed: nobody is there to be answered.
            call.end("CANCELLED")
            raise
        except Exception as error:
            status = call.failure(error, lambda: redacted(decode(raw)))
        else:
            call.end("OK")
            method_metrics.seconds.observe(call.seconds)
            return response
        finally:
            metrics.UNARY_IN_FLIGHT.dec()
        return await call.abort(context, status)

    return serve


def _seconds_for(gate: Gate, context: Any) -> float:
    remaining: float | None = context.time_remaining()
    if remaining is None:
        return gate.limits.default_deadline
    return min(remaining, gate.limits.longest_deadline)
