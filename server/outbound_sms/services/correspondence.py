"""What an account's people were texted lately."""

from uuid import UUID

from outbound_sms.domain.errors import PermissionDenied, Reason
from outbound_sms.domain.message_hold import HoldRules
from outbound_sms.rpc.caller import Caller
from outbound_sms.services.message_fields import show_message
from outbound_sms.store import messages
from outbound_sms.store.pool import Connection
from outboundsms.v1 import delivery_pb2

MOST = 50
_PERMISSION = "READ_SMS_OUTBOUND_MESSAGE"


def check_may_read_correspondence(caller: Caller) -> None:
    """Raises PermissionDenied unless the caller may read messages, as ListMessages needs it."""
    if not caller.may(_PERMISSION):
        raise PermissionDenied(
            Reason.PERMISSION_MISSING,
            f"The role of this API key lacks {_PERMISSION}; use a key whose role has it, or ask "
            "without include_correspondence.",
            permission=_PERMISSION,
        )


async def load_correspondence(
    db: Connection, instance_id: UUID, account_id: UUID, rules: HoldRules
) -> list[delivery_pb2.Message]:
    """The newest messages to contacts of the account, newest first. Not within a transaction."""
    wanted = messages.MessageFilter(account_id=account_id)
    async with db.transaction(readonly=True):
        found = await messages.list_messages(db, instance_id, wanted, None, MOST)
    return [show_message(row, rules) for row in found.rows]
