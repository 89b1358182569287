"""Who gets in: the key, the permission, and room for one more."""

from typing import Any

from outbound_sms.domain.errors import PermissionDenied, Reason
from outbound_sms.domain.permission import PLATFORM_PERMISSIONS
from outbound_sms.rpc.caller import Caller, set_caller
from outbound_sms.rpc.keys import HEADER, Keys
from outbound_sms.rpc.limits import Limits, Room
from outbound_sms.rpc.methods import Method


class Gate:
    """What all RPCs of this process share."""

    def __init__(self, keys: Keys, limits: Limits) -> None:
        self.limits = limits
        self.unary = Room("unary", limits.unary, limits.unary_per_instance)
        self.streams = Room("streams", limits.streams, limits.streams_per_instance)
        self._keys = keys

    async def admit(self, method: Method, context: Any, room: Room) -> Caller | None:
        """Finds the caller, makes it the current one, and takes one of its instance's places.

        None for a method that needs no key. To be undone by `leave`. Raises Unauthenticated,
        PermissionDenied with the first permission that is missing, or LimitExceeded.
        """
        if not method.needs_key:
            return None
        caller = await self._keys.caller_of(_authorization(context))
        refused = refusal(method, caller.held)
        if refused is not None:
            raise refused
        room.enter_instance(caller.instance_id)
        set_caller(caller)
        return caller

    def leave(self, caller: Caller | None, room: Room) -> None:
        """Gives the instance's place back."""
        if caller is not None:
            room.leave_instance(caller.instance_id)


def refusal(method: Method, held: frozenset[str]) -> PermissionDenied | None:
    """The error for a caller who holds these permissions, or None when the method is theirs."""
    if method.permissions <= held:
        return None
    missing = min(method.permissions - held)
    if missing in PLATFORM_PERMISSIONS:
        text = (
            f"Only keys of the platform operator have {missing}; "
            "`outbound-sms admin create-operator-key` makes one."
        )
    else:
        text = f"The role of this API key lacks {missing}; use a key whose role has it."
    return PermissionDenied(Reason.PERMISSION_MISSING, text, permission=missing)


def _authorization(context: Any) -> str | None:
    for key, value in context.invocation_metadata():
        if key == HEADER:
            return value if isinstance(value, str) else None
    return None
