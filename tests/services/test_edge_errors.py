"""Bad requests and failures: one status each, and nothing in it that is not the caller's."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator

import asyncpg
import grpc
import pytest
import structlog

from outbound_sms import log
from outbound_sms.domain import errors
from outbound_sms.domain.errors import FieldViolation, InvalidRequest, Reason
from outbound_sms.rpc.limits import Limits
from outbound_sms.rpc.status import CODES
from outbound_sms.store.pool import Pool, open_pool
from outboundsms.v1 import delivery_pb2 as pb
from outboundsms.v1 import directory_pb2
from outboundsms.v1.access_pb2 import CreateRoleRequest, Role
from outboundsms.v1.access_pb2_grpc import AccessStub
from outboundsms.v1.delivery_pb2_grpc import DeliveryStub
from tests.services.failures import Failure, failure
from tests.services.probe import Probe, failing, for_ever, nothing
from tests.services.running import Running, Stubs, Tenant, run_server
from tests.waiting import wait_until

Code = grpc.StatusCode
GET_MESSAGE = "/outboundsms.v1.Delivery/GetMessage"
NUMBER = "+12125550101"


@pytest.fixture
def probe() -> Probe:
    return Probe()


@pytest.fixture
async def running(pool: Pool, probe: Probe) -> AsyncIterator[Running]:
    limits = Limits(default_deadline=0.4, longest_deadline=0.6)
    async with run_server(pool, limits=limits, registrations=probe.registrations) as running:
        yield running


@pytest.fixture
async def stubs(running: Running, instance: Tenant) -> AsyncIterator[Stubs]:
    made = Stubs(running.address, instance.key)
    yield made
    await made.close()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What is logged while the test runs."""
    target = io.StringIO()
    log.configure("INFO", target)
    yield target
    structlog.reset_defaults()
    log.turn_off()


async def get(stubs: Stubs, probe: Probe, error: Exception) -> Failure:
    """What GetMessage tells of `error`."""
    probe.act = failing(error)
    return await failure(stubs(DeliveryStub).GetMessage(pb.GetMessageRequest()))


async def send(stubs: Stubs, raw: bytes, path: str = GET_MESSAGE) -> Failure:
    """What the server tells of these bytes."""
    return await failure(stubs.channel().unary_unary(path)(raw))


async def test_a_call_without_a_deadline_gets_the_servers(stubs: Stubs, probe: Probe) -> None:
    probe.act = for_ever
    async with asyncio.timeout(3):
        told = await failure(stubs(DeliveryStub).GetMessage(pb.GetMessageRequest()))
    assert (told.code, told.reason) == (Code.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
    assert probe.running == 0


async def test_a_long_deadline_is_cut_to_the_servers_longest(stubs: Stubs, probe: Probe) -> None:
    probe.act = for_ever
    told = await failure(stubs(DeliveryStub).GetMessage(pb.GetMessageRequest(), timeout=100))
    assert (told.code, told.reason) == (Code.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")


async def test_the_work_of_a_call_whose_deadline_passed_is_given_up(
    stubs: Stubs, probe: Probe, running: Running
) -> None:
    probe.act = for_ever
    told = await failure(stubs(DeliveryStub).GetMessage(pb.GetMessageRequest(), timeout=0.1))
    assert told.code is Code.DEADLINE_EXCEEDED
    await wait_until(lambda: probe.running == 0 and running.grpc.gate.unary.in_progress == 0)


@pytest.mark.parametrize("raw", [b"\x0a\x02\xff\xfe", b"\x0a\x7fx", b"\xff" * 9], ids=str)
async def test_a_request_that_cannot_be_read_is_refused(
    stubs: Stubs, probe: Probe, raw: bytes
) -> None:
    told = await send(stubs, raw)
    assert (told.code, told.reason) == (Code.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert probe.requests == []


async def test_unknown_fields_are_no_reason_to_refuse(stubs: Stubs, probe: Probe) -> None:
    call = stubs.channel().unary_unary(GET_MESSAGE)
    assert await call(b"\x0a\x01x" + b"\xfa\x07\x03abc") is not None
    assert probe.requests[0].message_id == "x"


async def test_an_unreadable_message_in_a_stream_ends_it(stubs: Stubs) -> None:
    call = stubs.channel().stream_stream("/outboundsms.v1.Directory/Import")()
    good = directory_pb2.ImportRequest(rows=[directory_pb2.ImportRow(line=1)])
    await call.write(good.SerializeToString())
    assert directory_pb2.ImportResponse.FromString(await call.read()).accepted == 1
    await call.write(b"\x0a\x05\x12\xff")
    told = await failure(call.read())
    assert (told.code, told.reason) == (Code.INVALID_ARGUMENT, "INVALID_REQUEST")


async def test_a_method_that_does_not_exist_is_unimplemented(stubs: Stubs) -> None:
    told = await send(stubs, b"", "/outboundsms.v1.Delivery/Nothing")
    assert told.code is Code.UNIMPLEMENTED


def make(kind: type[errors.OutboundSmsError]) -> errors.OutboundSmsError:
    if kind is InvalidRequest:
        return InvalidRequest([FieldViolation("f", "is wrong")])
    if kind is errors.LimitExceeded:
        return errors.LimitExceeded(Reason.LIMIT_EXCEEDED, "Wait.", retry_after=2)
    return kind(Reason.NAME_TAKEN, "Do something.", id="7")


@pytest.mark.parametrize("kind", CODES, ids=lambda kind: str(kind.__name__))
async def test_every_failure_carries_its_code_and_reason(
    stubs: Stubs, probe: Probe, kind: type[errors.OutboundSmsError]
) -> None:
    error = make(kind)
    told = await get(stubs, probe, error)
    assert (told.code, told.message) == (CODES[kind], error.message)
    assert (told.reason, told.domain) == (error.reason.value, "outboundsms.v1")
    assert told.metadata == error.metadata
    waits = kind in (errors.LimitExceeded, errors.Unavailable)
    assert (told.retry_after is not None and told.retry_after >= 1) is waits


def test_every_kind_of_failure_has_a_code() -> None:
    kinds = {errors.OutboundSmsError, *errors.OutboundSmsError.__subclasses__()}
    assert kinds == CODES.keys()


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (ConnectionRefusedError(), Code.UNAVAILABLE, "DATABASE_UNAVAILABLE"),
        (TimeoutError(), Code.UNAVAILABLE, "DATABASE_UNAVAILABLE"),
        (asyncpg.ConnectionDoesNotExistError(), Code.UNAVAILABLE, "DATABASE_UNAVAILABLE"),
        (asyncpg.TooManyConnectionsError(), Code.UNAVAILABLE, "DATABASE_UNAVAILABLE"),
        (asyncpg.AdminShutdownError(), Code.UNAVAILABLE, "DATABASE_UNAVAILABLE"),
        (asyncpg.InterfaceError("pool is closed"), Code.UNAVAILABLE, "DATABASE_UNAVAILABLE"),
        (asyncpg.QueryCanceledError(), Code.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
        (asyncpg.SerializationError(), Code.ABORTED, "CONFLICT"),
        (asyncpg.DeadlockDetectedError(), Code.ABORTED, "CONFLICT"),
        (asyncpg.LockNotAvailableError(), Code.ABORTED, "CONFLICT"),
        (asyncpg.CharacterNotInRepertoireError(), Code.INVALID_ARGUMENT, "INVALID_REQUEST"),
        (asyncpg.UndefinedTableError(), Code.INTERNAL, "INTERNAL"),
        (asyncpg.UniqueViolationError(), Code.INTERNAL, "INTERNAL"),
        (asyncpg.InterfaceError("another operation is in progress"), Code.INTERNAL, "INTERNAL"),
        (ZeroDivisionError(), Code.INTERNAL, "INTERNAL"),
    ],
    ids=lambda value: getattr(type(value), "__name__", "") if isinstance(value, Exception) else "",
)
async def test_what_the_database_does_has_a_meaning(
    stubs: Stubs, probe: Probe, error: Exception, code: Code, reason: str
) -> None:
    told = await get(stubs, probe, error)
    assert (told.code, told.reason) == (code, reason)
    assert (told.retry_after is not None) is (code is Code.UNAVAILABLE)


async def test_a_defect_tells_the_caller_its_id_and_the_log_where_it_is(
    stubs: Stubs, probe: Probe, logged: io.StringIO
) -> None:
    probe.act = failing(KeyError(f"SELECT secret FROM account WHERE phone = '{NUMBER}'"))
    request = pb.GetMessageRequest(message_id="the-id")
    told = await failure(stubs(DeliveryStub).GetMessage(request))
    assert (told.code, told.reason) == (Code.INTERNAL, "INTERNAL")
    assert told.metadata == {"call_id": told.call_id}
    assert "SELECT" not in told.message
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    defect = next(line for line in lines if line["event"] == "defect")
    assert (defect["call_id"], defect["exception"]) == (told.call_id, "KeyError")
    assert any("probe.py" in frame for frame in defect["at"])
    assert defect["request"] == {"message_id": "the-id"}
    assert NUMBER not in logged.getvalue()


async def test_the_log_has_a_line_for_each_call_without_what_was_said(
    stubs: Stubs, probe: Probe, instance: Tenant, logged: io.StringIO
) -> None:
    await stubs(DeliveryStub).GetMessage(pb.GetMessageRequest(message_id=NUMBER))
    await get(stubs, probe, make(errors.NotFound))
    stream = stubs(DeliveryStub).WatchMessages(pb.WatchMessagesRequest())
    probe.act = failing(make(errors.OutOfRange))
    assert await stream.read()
    await failure(stream.read())
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert [line["code"] for line in lines] == ["OK", "NOT_FOUND", "OUT_OF_RANGE"]
    assert {line["instance_id"] for line in lines} == {str(instance.instance.id)}
    assert (lines[0]["method"], lines[1]["reason"]) == (GET_MESSAGE, "NAME_TAKEN")
    assert len({line["call_id"] for line in lines}) == 3
    assert NUMBER not in logged.getvalue()
    assert instance.key not in logged.getvalue()


async def test_many_violations_fit_into_the_trailers(stubs: Stubs, probe: Probe) -> None:
    many = [FieldViolation(f"rows[{n}].{'f' * 300}", "is ü" * 300) for n in range(1000)]
    told = await get(stubs, probe, InvalidRequest(many))
    assert told.code is Code.INVALID_ARGUMENT
    assert 5 <= len(told.violations) <= 20
    few = [FieldViolation(f"rows[{n}]", "is wrong") for n in range(30)]
    assert len((await get(stubs, probe, InvalidRequest(few))).violations) == 20


async def test_phone_numbers_are_masked_in_what_is_told(stubs: Stubs, probe: Probe) -> None:
    error = errors.AlreadyExists(Reason.NAME_TAKEN, f"{NUMBER} is taken.", name=NUMBER)
    told = await get(stubs, probe, error)
    assert told.message == "+1212***0101 is taken."
    assert told.metadata == {"name": "+1212***0101"}


async def test_a_null_character_that_reaches_the_database_is_the_callers_fault(
    stubs: Stubs, probe: Probe, pool: Pool
) -> None:
    async def act() -> None:
        await pool.fetchval("SELECT $1::text", "a\0b")

    probe.act = act
    told = await failure(stubs(DeliveryStub).GetMessage(pb.GetMessageRequest()))
    assert (told.code, told.reason) == (Code.INVALID_ARGUMENT, "INVALID_REQUEST")


async def test_format_strings_and_sql_in_names_are_text(stub: Stubs) -> None:
    name = "%s {0} |DEPARTMENT_NAME| '); DROP TABLE role; --"
    made = await stub(AccessStub).CreateRole(CreateRoleRequest(role=Role(name=name)))
    assert made.role.name == name


async def test_a_slow_statement_is_a_deadline_and_a_full_pool_is_no_database(
    database_url: str, stubs: Stubs, probe: Probe
) -> None:
    small = await open_pool(
        database_url, min_size=1, max_size=1, application_name="small", statement_timeout_ms=100
    )

    async def sleep() -> None:
        await small.fetchval("SELECT pg_sleep(5)")

    async def wait() -> None:
        async with small.acquire(), small.acquire(timeout=0.1):
            pass

    for act, reason in ((sleep, "DEADLINE_EXCEEDED"), (wait, "DATABASE_UNAVAILABLE")):
        probe.act = act
        told = await failure(stubs(DeliveryStub).GetMessage(pb.GetMessageRequest()))
        assert told.reason == reason
    small.terminate()


async def test_a_call_that_the_client_cancels_is_given_up(
    stubs: Stubs, probe: Probe, running: Running
) -> None:
    probe.act = for_ever
    call = stubs(DeliveryStub).WatchMessages(pb.WatchMessagesRequest())
    assert (await call.read()).cursor == "first"
    call.cancel()
    await wait_until(lambda: probe.running == 0)
    assert (len(running.grpc.streams), running.grpc.gate.streams.in_progress) == (0, 0)
    probe.act = nothing
    await asyncio.wait_for(stubs(DeliveryStub).GetMessage(pb.GetMessageRequest()), 5)
