"""Who is calling: set once the API key of a call is known to be good."""

from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Caller:
    """The API key of a call; `permissions` are names such as CREATE_SMS_MESSAGE.

    `log_text` is what the access log says of it, made once for all calls of a key.
    """

    instance_id: UUID
    api_key_id: UUID
    key_name: str
    permissions: frozenset[str]
    super_admin: bool
    log_text: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        text = f',"instance_id":"{self.instance_id}","api_key_id":"{self.api_key_id}"'
        object.__setattr__(self, "log_text", text)

    def may(self, permission: str) -> bool:
        """Whether the role holds the permission; a super-admin's holds every one."""
        return self.super_admin or permission in self.permissions


_caller: ContextVar[Caller] = ContextVar("caller")


def current_caller() -> Caller:
    """The caller of the RPC that this task serves. Raises LookupError outside an RPC."""
    return _caller.get()


def set_caller(caller: Caller) -> None:
    """Makes `caller` the one of this task; every RPC has a task of its own."""
    _caller.set(caller)
