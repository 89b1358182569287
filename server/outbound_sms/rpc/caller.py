"""Who is calling: set once the API key of a call is known to be good."""

from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import UUID

from outbound_sms.domain.permission import held_permissions
from outbound_sms.store.tenant import set_tenant


@dataclass(frozen=True, slots=True)
class Caller:
    """The API key of a call; `permissions` are what its role names, such as CREATE_SMS_MESSAGE.

    `platform_operator`: the key belongs to the platform operator's own instance. `held` is every
    permission that the key has. `log_text` is what the access log says of it. Both are made once
    for all calls of a key.
    """

    instance_id: UUID
    api_key_id: UUID
    key_name: str
    permissions: frozenset[str]
    super_admin: bool
    platform_operator: bool = False
    held: frozenset[str] = field(init=False, repr=False, compare=False)
    log_text: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        held = held_permissions(
            self.permissions,
            super_admin=self.super_admin,
            platform_operator=self.platform_operator,
        )
        object.__setattr__(self, "held", held)
        text = f',"instance_id":"{self.instance_id}","api_key_id":"{self.api_key_id}"'
        object.__setattr__(self, "log_text", text)

    def may(self, permission: str) -> bool:
        """Whether the key has the permission; a super-admin's has every one of its instance."""
        return permission in self.held


_caller: ContextVar[Caller] = ContextVar("caller")


def current_caller() -> Caller:
    """The caller of the RPC that this task serves. Raises LookupError outside an RPC."""
    return _caller.get()


def set_caller(caller: Caller) -> None:
    """Makes `caller` the one of this task; every RPC has a task of its own.

    The connections that it takes from the API's pool show it the rows of its instance only.
    """
    _caller.set(caller)
    set_tenant(caller.instance_id)
