"""Nobody gives or takes more than they have, as the database knows it at that moment.

The gate remembers keys for a few seconds. That is no harm to a call that has its effect and ends;
but whoever made themselves another key, or gave their own role back what it has just lost, in the
seconds after a revocation would have undone it for good.
"""

from uuid import UUID

from outbound_sms.domain.access import Rights
from outbound_sms.domain.errors import PermissionDenied, Reason, Unauthenticated
from outbound_sms.rpc.caller import Caller
from outbound_sms.store import api_keys, roles
from outbound_sms.store.pool import Connection

SUPER_ADMIN = "SUPER_ADMIN"


async def lock_access(db: Connection, caller: Caller, instance_id: UUID, permission: str) -> Rights:
    """What the caller's key allows now, while nobody else changes roles and keys of the instance.

    Raises Unauthenticated when the key has ended meanwhile, and PermissionDenied when its role has
    lost `permission`.
    """
    await roles.lock_access(db, instance_id)
    rights = await api_keys.get_rights(db, caller.instance_id, caller.api_key_id)
    if rights is None:
        raise Unauthenticated(Reason.API_KEY_INVALID, "This API key has ended; use another.")
    if permission not in rights.held:
        raise PermissionDenied(
            Reason.PERMISSION_MISSING,
            f"The role of this API key has lost {permission}; use a key whose role has it.",
            permission=permission,
        )
    return rights


def check_covers(rights: Rights, permissions: frozenset[str], *, super_admin: bool) -> None:
    """Raises PermissionDenied when a role with these permissions holds something that is lacked."""
    if rights.super_admin:
        return
    missing = permissions - rights.held
    if super_admin or missing:
        name = SUPER_ADMIN if super_admin else min(missing)
        raise PermissionDenied(
            Reason.PERMISSION_MISSING,
            f"The role of this API key lacks {name}, so it can neither give nor take it; "
            "ask somebody who has it.",
            permission=name,
        )
