"""Signatures, and what their departments answer on."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from outbound_sms.domain.errors import AlreadyExists, NotFound, Reason, WrongState
from outbound_sms.domain.rendering import Answers
from outbound_sms.domain.signature import SignatureTemplate
from outbound_sms.store import sql
from outbound_sms.store.conflicts import translate
from outbound_sms.store.pool import Connection, Database

_SQL = sql.load("signatures")


@dataclass(frozen=True, slots=True)
class SignatureValues:
    """What a caller decides about a signature."""

    name: str
    department_id: UUID
    template: SignatureTemplate
    mass_default: bool
    triggered_default: bool


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature as stored. `version` is its etag."""

    id: UUID
    values: SignatureValues
    version: int
    create_time: datetime


async def create_signature(db: Connection, instance_id: UUID, values: SignatureValues) -> Signature:
    """Inserts a signature in a transaction; its defaults go from whoever had them to it.

    Raises AlreadyExists (NAME_TAKEN), and NotFound for a department that has just been deleted.
    """
    await _take_defaults(db, instance_id, None, values)
    with _translated(values):
        row = await db.fetchrow(_SQL["insert"], instance_id, *_columns(values))
    return _signature(_present(row))


async def update_signature(
    db: Connection, instance_id: UUID, signature_id: UUID, values: SignatureValues
) -> Signature:
    """Writes a signature that `lock_signature` returned; raises as `create_signature` does."""
    await _take_defaults(db, instance_id, signature_id, values)
    with _translated(values):
        row = await db.fetchrow(_SQL["update"], instance_id, signature_id, *_columns(values))
    return _signature(_present(row))


async def lock_defaults(db: Connection, instance_id: UUID) -> None:
    """Makes others who move a default wait for this transaction. Before any signature's lock."""
    await db.execute(_SQL["lock_defaults"], instance_id)


async def lock_signature(db: Connection, instance_id: UUID, signature_id: UUID) -> Signature | None:
    """A signature that nobody else changes until the transaction ends."""
    row = await db.fetchrow(_SQL["get_for_update"], instance_id, signature_id)
    return _signature(row) if row else None


async def lock_for_reference(db: Connection, instance_id: UUID, signature_id: UUID) -> bool:
    """Whether the signature is there; if so, nobody deletes it until the transaction ends."""
    return await db.fetchval(_SQL["get_for_reference"], instance_id, signature_id) is not None


async def get_signature(db: Database, instance_id: UUID, signature_id: UUID) -> Signature | None:
    """A signature that is not deleted."""
    row = await db.fetchrow(_SQL["get"], instance_id, signature_id)
    return _signature(row) if row else None


async def get_mass_default(db: Database, instance_id: UUID) -> Signature | None:
    """The signature of mass messages that name none."""
    row = await db.fetchrow(_SQL["get_mass_default"], instance_id)
    return _signature(row) if row else None


async def list_signatures(
    db: Database, instance_id: UUID, after: UUID | None, limit: int
) -> list[Signature]:
    """Signatures with an id after `after`, oldest first."""
    return [_signature(row) for row in await db.fetch(_SQL["list"], instance_id, after, limit)]


async def delete_signature(db: Connection, instance_id: UUID, signature_id: UUID) -> None:
    """Deletes a signature that `lock_signature` returned.

    Raises WrongState (IN_USE) while a triggered message names it. Those who are about to name it
    hold `lock_for_reference`, so none is overlooked.
    """
    user = await db.fetchval(_SQL["find_user"], instance_id, signature_id)
    if user is not None:
        raise WrongState(
            Reason.IN_USE,
            "A triggered message names this signature; give it another one, or delete it.",
            used_by="triggered_message",
            id=str(user),
        )
    await db.execute(_SQL["delete"], instance_id, signature_id)


async def list_answers(
    db: Database, instance_id: UUID, department_id: UUID, company_ids: Sequence[UUID] | None
) -> dict[UUID, Answers]:
    """What the department answers on, by company; of `company_ids` or of all, enabled ones only."""
    rows = await db.fetch(_SQL["list_answers"], instance_id, department_id, company_ids)
    return {
        row["company_id"]: Answers(
            company_name=row["company_name"],
            department_name=row["department_name"],
            phone_number=row["phone_number"],
            email_address=row["email_address"],
        )
        for row in rows
    }


async def _take_defaults(
    db: Connection, instance_id: UUID, receiver: UUID | None, values: SignatureValues
) -> None:
    if values.mass_default or values.triggered_default:
        await db.execute(
            _SQL["take_defaults"],
            instance_id,
            receiver,
            values.mass_default,
            values.triggered_default,
        )


def _columns(values: SignatureValues) -> tuple[object, ...]:
    return (
        values.name,
        values.department_id,
        values.template,
        values.mass_default,
        values.triggered_default,
    )


def _signature(row: asyncpg.Record) -> Signature:
    values = SignatureValues(
        name=row["name"],
        department_id=row["department_id"],
        template=SignatureTemplate(row["template"]),
        mass_default=row["mass_default"],
        triggered_default=row["triggered_default"],
    )
    return Signature(row["id"], values, row["version"], row["create_time"])


def _present(row: asyncpg.Record | None) -> asyncpg.Record:
    if row is None:
        raise RuntimeError("a statement that returns its row returned none")
    return row


def _translated(values: SignatureValues) -> AbstractContextManager[None]:
    return translate(
        {
            "signature_name_unique": lambda: AlreadyExists(
                Reason.NAME_TAKEN,
                "A signature has this name; choose another or update that one.",
                name=values.name,
            ),
            "signature_department_fk": lambda: NotFound(
                Reason.DEPARTMENT_NOT_FOUND,
                "There is no such department; list to find its id.",
                id=str(values.department_id),
            ),
        }
    )
