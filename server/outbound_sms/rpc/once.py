"""One transaction for each call that changes something, and one effect for each request_id."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
from google.protobuf.message import Message

from outbound_sms.domain.errors import Conflict, Reason, Violations, WrongState
from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.fields import parse_id
from outbound_sms.store import idempotency
from outbound_sms.store.pool import Connection, Pool

Response = TypeVar("Response", bound=Message)

ATTEMPTS = 3
ACQUIRE_TIMEOUT = 5.0


class Once:
    """Runs the work of a call in a transaction of its own."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def run(
        self,
        request: Message,
        response_type: type[Response],
        work: Callable[[Connection], Awaitable[Response]],
    ) -> Response:
        """The response of `work`, or what an earlier call with the same request_id was answered.

        The request must have been validated. `work` gets a connection in a transaction, which is
        committed when it returns and rolled back when it raises; it runs again, up to three times
        in all, after a deadlock, so its effects must be in the database only. A request without a
        request_id, or of a type that has none, simply runs.

        Raises InvalidRequest for a request_id that is no UUID, WrongState (REQUEST_ID_REUSED) when
        it was used for another content, and Conflict when deadlocks do not end.
        """
        call = _identify(request)
        for _ in range(ATTEMPTS):
            try:
                async with (
                    self._pool.acquire(timeout=ACQUIRE_TIMEOUT) as connection,
                    connection.transaction(),
                ):
                    if call is None:
                        return await work(connection)
                    return await _once(connection, call, response_type, work)
            except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
                continue
        raise Conflict(Reason.CONFLICT, "Other changes keep getting in the way; repeat the call.")


async def _once(
    connection: Connection,
    call: idempotency.Call,
    response_type: type[Response],
    work: Callable[[Connection], Awaitable[Response]],
) -> Response:
    if await idempotency.claim(connection, call):
        response = await work(connection)
        await idempotency.set_answer(connection, call, response.SerializeToString())
        return response
    answer = await idempotency.get_answer(connection, call)
    if answer is None:
        raise Conflict(Reason.CONFLICT, "The first call with this request_id was lost; repeat it.")
    if answer.fingerprint != call.fingerprint:
        raise WrongState(
            Reason.REQUEST_ID_REUSED,
            "This request_id was used for a request with another content; make a new one.",
            request_id=str(call.request_id),
        )
    return response_type.FromString(answer.response)


def _identify(request: Message) -> idempotency.Call | None:
    given: str = getattr(request, "request_id", "")
    if not given:
        return None
    violations = Violations()
    request_id = parse_id(violations, "request_id", given)
    violations.raise_if_any()
    assert request_id is not None
    content = type(request)()
    content.CopyFrom(request)
    content.ClearField("request_id")
    fingerprint = hashlib.sha256(content.SerializeToString(deterministic=True)).digest()
    instance_id = current_caller().instance_id
    return idempotency.Call(instance_id, request.DESCRIPTOR.full_name, request_id, fingerprint)
