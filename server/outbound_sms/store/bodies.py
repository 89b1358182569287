"""Texts, rendered once for all who get the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from outbound_sms.domain.body import Body
from outbound_sms.domain.language import Language
from outbound_sms.store import sql
from outbound_sms.store.pool import Database

_SQL = sql.load("bodies")


@dataclass(frozen=True, slots=True)
class NewBody:
    """The text of one company and language."""

    company_id: UUID
    language: Language
    body: Body


async def insert_bodies(
    db: Database, instance_id: UUID, mass_message_id: UUID, bodies: Sequence[NewBody]
) -> None:
    """Stores the texts of a mass message."""
    await db.execute(
        _SQL["insert_for_mass_message"],
        instance_id,
        mass_message_id,
        [new.company_id for new in bodies],
        [new.language for new in bodies],
        [new.body.text for new in bodies],
        [new.body.encoding for new in bodies],
        [new.body.characters for new in bodies],
        [new.body.billable_segments for new in bodies],
        [new.body.carrier_segments for new in bodies],
    )
