"""Every case of tests/cases, through the stubs and through a client that knows only reflection."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from outbound_sms.domain.api_key import make_key
from outbound_sms.store.pool import Pool, open_pool
from tests.databases import Databases
from tests.e2e.case import Case, Step, Variables, find_cases, read_setup
from tests.e2e.outcome import Outcome
from tests.e2e.stub_client import StubClient, find_method
from tests.e2e.terminal_clients import BufCurl, Grpcurl, find_terminal_client
from tests.services.running import Tenant, make_operator_key, make_tenant, run_server

CASES = list(find_cases())
UNKNOWN_ID = "01900000-0000-7000-8000-000000000000"
# Nothing of these may ever be told to a caller.
SECRETS = ("Traceback", "SELECT ", "INSERT ", "asyncpg", "relation ", "constraint", ".py")
PROBLEMS_OF_OURS = ("INTERNAL", "UNKNOWN", "UNIMPLEMENTED", "DATA_LOSS")


@dataclass(frozen=True, slots=True)
class CaseServer:
    """A server that all cases share, each with an instance of its own."""

    pool: Pool
    stub: StubClient
    terminal: Grpcurl | BufCurl
    other: Tenant
    operator_key: str


@pytest.fixture(scope="module")
async def case_server(databases: Databases) -> AsyncIterator[CaseServer]:
    async with databases.database() as url:
        pool = await open_pool(url, min_size=1, max_size=10, application_name="cases")
        async with run_server(pool) as running:
            stub = StubClient(running.address)
            yield CaseServer(
                pool,
                stub,
                find_terminal_client(running.address),
                await make_tenant(pool, "Other Utility"),
                await make_operator_key(pool),
            )
            await stub.close()
        pool.terminate()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_the_case_holds_through_the_stub(case: Case, case_server: CaseServer) -> None:
    await _run(case, case_server, case_server.stub)


TERMINAL_CASES = [case for case in CASES if not case.only_stub]


@pytest.mark.parametrize("case", TERMINAL_CASES, ids=[case.name for case in TERMINAL_CASES])
async def test_the_case_holds_through_reflection(case: Case, case_server: CaseServer) -> None:
    await _run(case, case_server, case_server.terminal)


def test_there_are_cases_for_every_service() -> None:
    services = {case.name.split("/")[0] for case in CASES}
    assert services >= {
        "access",
        "billing",
        "contacts",
        "delivery",
        "directory",
        "instances",
        "mass_messages",
        "settings",
        "triggers",
        "signatures",
    }
    assert len(CASES) >= 40


async def _run(case: Case, server: CaseServer, client: StubClient | Grpcurl | BufCurl) -> None:
    own = await make_tenant(server.pool)
    keys = {
        "own": own.key,
        "other": server.other.key,
        "operator": server.operator_key,
        "none": "",
        "wrong": make_key().text,
    }
    variables = Variables({"unknown_id": UNKNOWN_ID, "own_instance_id": str(own.instance.id)})
    for step in read_setup(case.setup) if case.setup else ():
        await _take(step, server.stub, keys[step.key], variables)
    for step in case.steps:
        await _take(step, client, keys[step.key], variables)


async def _take(
    step: Step, client: StubClient | Grpcurl | BufCurl, key: str, variables: Variables
) -> None:
    method = find_method(step.service, step.method)
    if step.raw is not None:
        assert isinstance(client, StubClient)
        outcome = await client.call_raw(method, step.raw, key)
    else:
        outcome = await client.call(method, variables.fill(step.requests), key)
    _check(step, outcome, variables)
    for name, path in step.keep.items():
        variables.values[name] = str(_at(outcome.responses[0], path))


def _check(step: Step, outcome: Outcome, variables: Variables) -> None:
    said = f"{step.service}.{step.method}: {outcome}"
    assert outcome.code not in PROBLEMS_OF_OURS, said
    assert outcome.code == step.want_code, said
    if outcome.code != "OK":
        assert (outcome.domain == "outboundsms.v1") == step.want_own_error, said
        assert not any(each in outcome.message for each in SECRETS), said
    if step.want_reason:
        assert outcome.reason == step.want_reason, said
    if step.want_violations is not None:
        assert sorted(outcome.violations) == sorted(step.want_violations), said
    if step.want is not None:
        _match(variables.fill(step.want), outcome.responses, said)


def _match(want: Any, found: Any, said: str) -> None:
    if want == "<any>":
        assert found, said
    elif isinstance(want, dict):
        for key, value in want.items():
            assert isinstance(found, dict), said
            if value is None:
                assert key not in found, f"{key} in {said}"
                continue
            assert key in found, f"{key} not in {said}"
            _match(value, found[key], said)
    elif isinstance(want, list):
        assert isinstance(found, list), said
        assert len(want) == len(found), said
        for wanted, each in zip(want, found, strict=True):
            _match(wanted, each, said)
    else:
        assert found == want, f"{found!r} is not {want!r} in {said}"


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        value = value[int(part)] if part.isdigit() else value[part]
    return value
