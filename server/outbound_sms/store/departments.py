"""Departments: names that signatures refer to."""

from uuid import UUID

from outbound_sms.domain.company import Department
from outbound_sms.domain.errors import AlreadyExists, Reason, WrongState
from outbound_sms.store.conflicts import translate
from outbound_sms.store.pool import Connection, Database
from outbound_sms.store.sql import load

_SQL = load("departments")


async def create_department(db: Database, instance_id: UUID, name: str) -> Department:
    """Inserts a department. Raises AlreadyExists with NAME_TAKEN."""

    def taken() -> AlreadyExists:
        return AlreadyExists(
            Reason.NAME_TAKEN, "A department has this name; choose another or use it.", name=name
        )

    with translate({"department_name_unique": taken}):
        id_: UUID = await db.fetchval(_SQL["insert"], instance_id, name)
    return Department(id_, name)


async def get_department(db: Database, instance_id: UUID, department_id: UUID) -> Department | None:
    """One department."""
    row = await db.fetchrow(_SQL["get"], instance_id, department_id)
    return Department(**row) if row else None


async def list_departments(
    db: Database, instance_id: UUID, after: UUID | None, limit: int
) -> list[Department]:
    """Departments with an id after `after`, oldest first."""
    rows = await db.fetch(_SQL["list"], instance_id, after, limit)
    return [Department(**row) for row in rows]


async def delete_department(db: Connection, instance_id: UUID, department_id: UUID) -> bool:
    """Deletes a department and what companies answer on for it; False when there is none.

    Raises WrongState with IN_USE while a signature names it.
    """
    with translate({"signature_department_fk": _in_use}):
        await db.execute(_SQL["forget_in_deleted_signatures"], instance_id, department_id)
        await db.execute(_SQL["delete_answers"], instance_id, department_id)
        return await db.fetchval(_SQL["delete"], instance_id, department_id) is not None


def _in_use() -> WrongState:
    return WrongState(
        Reason.IN_USE,
        "A signature refers to this department; give the signature another one, or delete it.",
        used_by="signature",
    )
