"""What every call does: the key, typed errors, and repeats that have no second effect."""

import uuid
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2

from outboundsms import FieldViolation, OutboundSmsError, connect
from outboundsms.policy import is_repeatable, methods, service_config
from outboundsms.v1 import directory_pb2
from tests.clients.scripted import ScriptedDirectory, fail, scripted_server

REQUEST = directory_pb2.CreateCompanyRequest(
    company=directory_pb2.Company(name="Northwind", country="US")
)


async def accept(_request: Any, _context: Any) -> Any:
    return directory_pb2.CreateCompanyResponse()


async def test_a_call_carries_the_key() -> None:
    directory = ScriptedDirectory(accept)
    async with scripted_server(directory=directory) as address, connect(address, "k-1") as client:
        await client.directory.CreateCompany(REQUEST)
    assert directory.metadata[0]["authorization"] == "Bearer k-1"


async def test_an_error_has_its_reason_and_every_violation() -> None:
    async def refuse(_request: Any, context: Any) -> Any:
        bad = error_details_pb2.BadRequest()
        bad.field_violations.add(field="company.name", description="is empty")
        retry = error_details_pb2.RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000))
        code = grpc.StatusCode.INVALID_ARGUMENT
        await fail(context, code, "INVALID_REQUEST", bad, retry, colour="red")

    directory = ScriptedDirectory(refuse)
    async with scripted_server(directory=directory) as address, connect(address, "key") as client:
        with pytest.raises(OutboundSmsError) as failure:
            await client.directory.CreateCompany(REQUEST)
    error = failure.value
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert (error.reason, error.domain, error.call_id) == (
        "INVALID_REQUEST",
        "outboundsms.v1",
        "c-1",
    )
    assert error.metadata == {"colour": "red"}
    assert error.violations == (FieldViolation("company.name", "is empty"),)
    assert error.retry_after == 1.5
    assert isinstance(error, grpc.RpcError)
    assert "company.name: is empty" in str(error)


async def test_an_unreachable_server_is_an_error_without_a_reason() -> None:
    async with connect("127.0.0.1:1", "key") as client:
        with pytest.raises(OutboundSmsError) as failure:
            await client.directory.CreateCompany(REQUEST)
    assert failure.value.code() == grpc.StatusCode.UNAVAILABLE
    assert failure.value.reason == ""


async def test_a_call_that_finds_the_server_stopping_is_repeated_with_the_same_id() -> None:
    async def stop_twice(_request: Any, context: Any) -> Any:
        if len(directory.requests) < 3:
            await fail(context, grpc.StatusCode.UNAVAILABLE, "DRAINING")
        return directory_pb2.CreateCompanyResponse()

    directory = ScriptedDirectory(stop_twice)
    async with scripted_server(directory=directory) as address, connect(address, "key") as client:
        await client.directory.CreateCompany(REQUEST)
    ids = {request.request_id for request in directory.requests}
    assert len(directory.requests) == 3
    assert len(ids) == 1
    assert uuid.UUID(ids.pop()).version == 4
    assert REQUEST.request_id == "", "the caller's own message is left alone"


async def test_an_id_of_the_callers_own_is_kept() -> None:
    directory = ScriptedDirectory(accept)
    request = directory_pb2.CreateCompanyRequest(request_id="mine")
    async with scripted_server(directory=directory) as address, connect(address, "key") as client:
        await client.directory.CreateCompany(request)
    assert directory.requests[0].request_id == "mine"


def test_only_what_has_no_second_effect_is_repeated() -> None:
    repeatable = {method.full_name for method in methods() if is_repeatable(method)}
    assert "outboundsms.v1.MassMessages.CreateMassMessage" in repeatable
    assert "outboundsms.v1.Delivery.ListMessages" in repeatable
    assert "outboundsms.v1.Access.CreateApiKey" not in repeatable
    assert "outboundsms.v1.Contacts.UpdateContact" not in repeatable


def test_streams_have_no_time_limit() -> None:
    assert "WatchMessages" not in service_config()
    assert '"Import"' not in service_config()
