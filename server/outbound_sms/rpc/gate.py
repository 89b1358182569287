"""Who gets in: the key, the permission, and room for one more."""

from typing import Any

from outbound_sms.domain.errors import PermissionDenied, Reason
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
        if not caller.super_admin and not method.permissions <= caller.permissions:
            missing = min(method.permissions - caller.permissions)
            raise PermissionDenied(
                Reason.PERMISSION_MISSING,
                f"The role of this API key lacks {missing}; use a key whose role has it.",
                permission=missing,
            )
        room.enter_instance(caller.instance_id)
        set_caller(caller)
        return caller

    def leave(self, caller: Caller | None, room: Room) -> None:
        """Gives the instance's place back."""
        if caller is not None:
            room.leave_instance(caller.instance_id)


def _authorization(context: Any) -> str | None:
    for key, value in context.invocation_metadata():
        if key == HEADER:
            return value if isinstance(value, str) else None
    return None
