"""Who may do what in an instance: roles and the API keys that carry them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Instance:
    """A tenant. `country` is ISO 3166, `currency` ISO 4217, `time_zone` an IANA name."""

    id: UUID
    name: str
    country: str
    currency: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Role:
    """A name for a set of permissions. A super-admin's role has all, those to come included."""

    id: UUID
    name: str
    permissions: frozenset[str]
    super_admin: bool


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A credential without its secret."""

    id: UUID
    name: str
    role_id: UUID
    expire_time: datetime | None
    revoke_time: datetime | None
    create_time: datetime


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What a call is checked against: the hash of the key's secret, and what its role allows."""

    instance_id: UUID
    api_key_id: UUID
    name: str
    secret_hash: bytes
    permissions: frozenset[str]
    super_admin: bool
    expire_time: datetime | None
    revoke_time: datetime | None
