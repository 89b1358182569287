"""One transaction for each call, again after a deadlock."""

from uuid import uuid4

import asyncpg
import pytest

from outbound_sms.domain.errors import Conflict
from outbound_sms.rpc.caller import Caller, set_caller
from outbound_sms.rpc.once import ATTEMPTS, Once
from outbound_sms.store.pool import Connection, Pool
from outboundsms.v1.access_pb2 import CreateRoleRequest, CreateRoleResponse, Role

NOTE = "INSERT INTO signing_key (purpose, secret) VALUES ($1, '')"
NOTES = "SELECT count(*) FROM signing_key"


class Work:
    """Writes a row for each attempt, and fails in the first `failures` of them."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.attempts = 0
        self._failures = failures
        self._error = error

    async def __call__(self, connection: Connection) -> CreateRoleResponse:
        self.attempts += 1
        await connection.execute(NOTE, f"attempt {self.attempts}")
        if self.attempts <= self._failures:
            raise self._error
        return CreateRoleResponse(role=Role(name="made"))


async def run(pool: Pool, work: Work, request_id: str) -> CreateRoleResponse:
    async with pool.acquire() as connection:
        instance_id = await connection.fetchval(
            "INSERT INTO instance (name, country, currency, time_zone)"
            " VALUES ('x', 'US', 'USD', 'UTC') RETURNING id"
        )
    set_caller(Caller(instance_id, uuid4(), "key", frozenset(), super_admin=True))
    request = CreateRoleRequest(request_id=request_id)
    return await Once(pool).run(request, CreateRoleResponse, work)


@pytest.mark.parametrize("request_id", ["", "01a20705-c6ad-77e0-914e-3841ccde1c73"])
@pytest.mark.parametrize("error", [asyncpg.DeadlockDetectedError(), asyncpg.SerializationError()])
async def test_a_deadlock_is_tried_again_and_leaves_no_trace(
    pool: Pool, error: Exception, request_id: str
) -> None:
    work = Work(ATTEMPTS - 1, error)
    assert (await run(pool, work, request_id)).role.name == "made"
    assert work.attempts == ATTEMPTS
    assert await pool.fetchval(NOTES) == 1


async def test_deadlocks_without_end_are_a_conflict(pool: Pool) -> None:
    work = Work(ATTEMPTS, asyncpg.DeadlockDetectedError())
    with pytest.raises(Conflict):
        await run(pool, work, "")
    assert await pool.fetchval(NOTES) == 0


async def test_any_other_failure_is_not_tried_again(pool: Pool) -> None:
    work = Work(1, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await run(pool, work, str(uuid4()))
    assert (work.attempts, await pool.fetchval(NOTES)) == (1, 0)
    assert await pool.fetchval("SELECT count(*) FROM idempotency") == 0
