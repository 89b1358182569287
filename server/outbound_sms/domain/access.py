"""Who may do what in an instance: roles and the API keys that carry them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from outbound_sms.domain.permission import held_permissions

LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Rights:
    """What a key's role allows, in the instance that it belongs to."""

    permissions: frozenset[str]
    super_admin: bool
    platform_operator: bool

    @property
    def held(self) -> frozenset[str]:
        """Every permission that the key has."""
        return held_permissions(
            self.permissions,
            super_admin=self.super_admin,
            platform_operator=self.platform_operator,
        )


@dataclass(frozen=True, slots=True)
class RoleValues:
    """What a caller decides about a role. A super-admin's has all permissions, new ones too."""

    name: str
    permissions: frozenset[str] = frozenset()
    super_admin: bool = False


@dataclass(frozen=True, slots=True)
class Role:
    """A name for a set of permissions. `version` is its etag.

    `locked`: the first super-admin's role, which keeps an administrator in the instance.
    """

    id: UUID
    values: RoleValues
    locked: bool
    version: int


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A credential without its secret."""

    id: UUID
    name: str
    role_id: UUID
    expire_time: datetime | None
    revoke_time: datetime | None
    last_use_time: datetime | None
    create_time: datetime


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What a call is checked against: the hash of the key's secret, and what its role allows."""

    instance_id: UUID
    api_key_id: UUID
    name: str
    secret_hash: bytes
    rights: Rights
    expire_time: datetime | None
    revoke_time: datetime | None
