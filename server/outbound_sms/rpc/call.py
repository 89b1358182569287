"""One RPC from its start to its end: its id, its line in the log, its metrics, and its failure."""

import itertools
import secrets
import time
from collections.abc import Callable
from typing import Any, NoReturn

import structlog

from outbound_sms import metrics
from outbound_sms.domain.errors import OutboundSmsError, Reason
from outbound_sms.log import set_call_id, write_access
from outbound_sms.rpc.caller import Caller
from outbound_sms.rpc.database_errors import meaning_of
from outbound_sms.rpc.status import DETAILS_KEY, Status, code_of, to_status

CALL_ID_KEY = "call-id"

# The first half tells processes apart, the second the calls of one.
_PROCESS = secrets.token_hex(4)
_numbers = itertools.count(1)
_log = structlog.get_logger("rpc")


class MethodMetrics:
    """The metrics of one method, looked up once."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.seconds = metrics.CALL_SECONDS.labels(path)
        self._codes: dict[str, Any] = {}

    def count(self, code: str) -> None:
        """Counts an RPC that ended with this code, for example OK."""
        counter = self._codes.get(code)
        if counter is None:
            counter = self._codes[code] = metrics.CALLS.labels(self._path, code)
        counter.inc()


class Call:
    """An RPC in progress. Made first thing, so that every line it logs has its id."""

    __slots__ = ("_metrics", "_path", "_started", "caller", "id", "seconds")

    def __init__(self, path: str, method_metrics: MethodMetrics) -> None:
        self.id = f"{_PROCESS}-{next(_numbers):x}"
        self.caller: Caller | None = None
        self.seconds = 0.0
        self._path = path
        self._metrics = method_metrics
        self._started = time.perf_counter()
        set_call_id(self.id)

    def end(self, code: str, reason: str = "") -> None:
        """Counts, and writes the access log. `code` is a gRPC status name."""
        self.seconds = time.perf_counter() - self._started
        self._metrics.count(code)
        rest = self.caller.log_text if self.caller is not None else ""
        if reason:
            rest += f',"reason":"{reason}"'
        write_access(self.id, self._path, code, self.seconds, rest)

    def failure(self, error: Exception, request: Callable[[], object]) -> Status:
        """What the caller is told. A defect is logged, with its request less personal fields."""
        told = error if isinstance(error, OutboundSmsError) else meaning_of(error)
        if told is None:
            _log.error("defect", method=self._path, request=request(), exc_info=error)
            told = OutboundSmsError(
                Reason.INTERNAL, "The service failed; report the call id.", call_id=self.id
            )
        elif told is not error:
            _log.warning("database", method=self._path, reason=told.reason.value, exc_info=error)
        self.end(code_of(told).name, told.reason.value)
        return to_status(told)

    async def abort(self, context: Any, status: Status) -> NoReturn:
        """Ends the RPC with an error; raises, and what it raises must pass unchanged."""
        trailers = ((DETAILS_KEY, status.details), (CALL_ID_KEY, self.id))
        await context.abort(status.code, status.message, trailers)
        raise AssertionError("abort returned")
