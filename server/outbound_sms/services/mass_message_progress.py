"""Mass messages with how fast they go out at the moment."""

from collections.abc import Sequence
from uuid import UUID

from outbound_sms.domain.errors import Reason
from outbound_sms.services import mass_message_fields
from outbound_sms.services.missing import not_found
from outbound_sms.store import mass_messages
from outbound_sms.store.mass_messages import MassMessage
from outbound_sms.store.pool import Database
from outboundsms.v1 import mass_messages_pb2 as pb

RATE_WINDOW = 5.0


async def load_known(db: Database, instance_id: UUID, mass_message_id: UUID) -> MassMessage:
    """The mass message. Raises NotFound (MASS_MESSAGE_NOT_FOUND)."""
    found = await mass_messages.get_mass_message(db, instance_id, mass_message_id)
    if found is None:
        raise not_found(Reason.MASS_MESSAGE_NOT_FOUND, "mass message", mass_message_id)
    return found


async def load_shown(db: Database, instance_id: UUID, mass_message_id: UUID) -> pb.MassMessage:
    """The same, as the contract has it."""
    found = await load_known(db, instance_id, mass_message_id)
    return (await show_with_rates(db, instance_id, [found]))[0]


async def show_with_rates(
    db: Database, instance_id: UUID, found: Sequence[MassMessage]
) -> list[pb.MassMessage]:
    """Mass messages as the contract has them, with what the feed saw of them lately."""
    # What has no text that could be on its way is not looked for.
    busy = [each.id for each in found if each.recipients and each.counts.outstanding]
    sent = await mass_messages.count_sent_lately(db, instance_id, busy, RATE_WINDOW)
    return [
        mass_message_fields.show(
            each, round(sent.get(each.id, 0) * each.segments_each / RATE_WINDOW, 1)
        )
        for each in found
    ]
