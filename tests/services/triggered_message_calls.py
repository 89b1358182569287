"""Calls that several tests of triggered messages make."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import grpc

from outbound_sms.store.pool import Connection, Pool
from outboundsms.v1 import triggers_pb2 as pb
from tests.services.failures import Failure

WITH_COUNT = "INVOICE_DUE_IN_X_DAYS"
WITH_JOB_TYPE = "JOB_SCHEDULED"
PLAIN = "AUTOPAY_FAILURE"
WITHOUT_TEXT = "EMAIL_INVOICE"


def new(trigger_type: str = PLAIN, name: str = "Dunning", **fields: Any) -> pb.TriggeredMessage:
    return pb.TriggeredMessage(name=name, trigger_type=trigger_type, **fields)


async def create(
    triggers: Any, message: pb.TriggeredMessage, request_id: str = ""
) -> pb.TriggeredMessage:
    request = pb.CreateTriggeredMessageRequest(triggered_message=message, request_id=request_id)
    made: pb.TriggeredMessage = (await triggers.CreateTriggeredMessage(request)).triggered_message
    return made


async def get(triggers: Any, id_: str | UUID) -> pb.TriggeredMessage:
    request = pb.GetTriggeredMessageRequest(triggered_message_id=str(id_))
    found: pb.TriggeredMessage = (await triggers.GetTriggeredMessage(request)).triggered_message
    return found


async def update(triggers: Any, message: pb.TriggeredMessage, *paths: str) -> pb.TriggeredMessage:
    request = pb.UpdateTriggeredMessageRequest(triggered_message=message)
    request.update_mask.paths.extend(paths)
    updated: pb.TriggeredMessage = (
        await triggers.UpdateTriggeredMessage(request)
    ).triggered_message
    return updated


async def change(triggers: Any, stored: pb.TriggeredMessage, **fields: Any) -> pb.TriggeredMessage:
    """Updates just these fields."""
    wanted = pb.TriggeredMessage(
        triggered_message_id=stored.triggered_message_id, etag=stored.etag, **fields
    )
    return await update(triggers, wanted, *fields)


async def delete(triggers: Any, id_: str) -> None:
    await triggers.DeleteTriggeredMessage(
        pb.DeleteTriggeredMessageRequest(triggered_message_id=id_)
    )


async def listed(triggers: Any, **fields: Any) -> list[str]:
    """Names, in their order."""
    answer = await triggers.ListTriggeredMessages(pb.ListTriggeredMessagesRequest(**fields))
    return [each.name for each in answer.triggered_messages]


async def default_categories(pool: Pool, instance_id: UUID) -> list[str]:
    rows = await pool.fetch(
        "SELECT id FROM message_category WHERE instance_id = $1 AND is_default ORDER BY id",
        instance_id,
    )
    return [str(row["id"]) for row in rows]


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    async with pool.acquire() as connection, connection.transaction():
        yield connection


async def waits_for_a_lock(pool: Pool) -> bool:
    return bool(
        await pool.fetchval(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    )


def is_violation(told: Failure, *fields: str) -> bool:
    return told.code == grpc.StatusCode.INVALID_ARGUMENT and set(told.violations) == set(fields)
