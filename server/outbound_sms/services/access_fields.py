"""Roles and API keys as they are sent and received."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from outbound_sms.domain.access import LONGEST_NAME, ApiKey, Role
from outbound_sms.domain.errors import Violations
from outbound_sms.domain.permission import LABELS
from outbound_sms.domain.text_field import check_text
from outbound_sms.rpc.fields import check_enum, parse_id, to_datetime, to_timestamp
from outbound_sms.rpc.methods import PREFIX, permission_name
from outboundsms.v1 import access_pb2 as pb
from outboundsms.v1 import permission_pb2

CHANGEABLE = frozenset({"name", "permissions", "super_admin"})
DEFAULT_OVERLAP = timedelta(hours=24)
LONGEST_OVERLAP = timedelta(days=30)


def read_role(
    violations: Violations, given: pb.Role, mask: frozenset[str], listed: Collection[str]
) -> dict[str, Any]:
    """The values of a role that the mask names, by field; worth using only without violations.

    `listed` is what a role of the caller's instance may be given.
    """
    change: dict[str, Any] = {}
    if "name" in mask:
        change["name"] = check_text(
            violations, "role.name", given.name, required=True, longest=LONGEST_NAME
        )
    if "permissions" in mask:
        change["permissions"] = _read_permissions(violations, given, listed)
    if "super_admin" in mask:
        change["super_admin"] = given.super_admin
    return change


def read_api_key(given: pb.ApiKey) -> tuple[str, UUID, datetime | None]:
    """Name, role and end of a key to create. Raises InvalidRequest with all that is wrong."""
    violations = Violations()
    name = read_key_name(violations, "api_key.name", given.name)
    role_id = parse_id(violations, "api_key.role_id", given.role_id)
    expire_time = to_datetime(
        violations,
        "api_key.expire_time",
        given.expire_time if given.HasField("expire_time") else None,
    )
    if expire_time is not None and expire_time <= datetime.now(UTC):
        violations.add("api_key.expire_time", "has passed; give a time to come, or leave it out")
    violations.raise_if_any()
    assert role_id is not None
    return name, role_id, expire_time


def read_key_name(violations: Violations, field: str, name: str) -> str:
    """What a key is called."""
    return check_text(violations, field, name, required=True, longest=LONGEST_NAME)


def read_overlap(violations: Violations, request: pb.RotateApiKeyRequest) -> timedelta:
    """How long the old key still works, to the microsecond."""
    if not request.HasField("overlap"):
        return DEFAULT_OVERLAP
    given = request.overlap
    most = int(LONGEST_OVERLAP.total_seconds())
    if 0 <= given.seconds <= most and 0 <= given.nanos <= 999_999_999:
        overlap = timedelta(seconds=given.seconds, microseconds=given.nanos // 1000)
        if overlap <= LONGEST_OVERLAP:
            return overlap
    violations.add("overlap", "is not 0 seconds to 30 days; give for example 86400s")
    return DEFAULT_OVERLAP


def show_permissions(listed: Collection[str]) -> list[pb.PermissionInfo]:
    """Permissions with what people call them."""
    return [pb.PermissionInfo(permission=_to_enum(name), label=LABELS[name]) for name in listed]


def show_role(role: Role) -> pb.Role:
    """The role as the contract has it."""
    values = role.values
    return pb.Role(
        role_id=str(role.id),
        name=values.name,
        permissions=[_to_enum(name) for name in LABELS if name in values.permissions],
        super_admin=values.super_admin,
        etag=str(role.version),
    )


def show_api_key(key: ApiKey) -> pb.ApiKey:
    """The key as the contract has it."""
    return pb.ApiKey(
        api_key_id=str(key.id),
        name=key.name,
        role_id=str(key.role_id),
        expire_time=to_timestamp(key.expire_time),
        revoke_time=to_timestamp(key.revoke_time),
        create_time=to_timestamp(key.create_time),
        last_use_time=to_timestamp(key.last_use_time),
    )


def _read_permissions(
    violations: Violations, given: pb.Role, listed: Collection[str]
) -> frozenset[str]:
    names = set()
    for index, value in enumerate(given.permissions):
        field = f"role.permissions[{index}]"
        if value == permission_pb2.PERMISSION_ANY_CALLER:
            violations.add(field, "is what every caller may do; leave it out")
        elif check_enum(violations, field, value, permission_pb2.Permission):
            name = permission_name(value)
            if name not in listed:
                violations.add(
                    field, f"{name} is not for roles of this instance; ListPermissions has those"
                )
            names.add(name)
    return frozenset(names)


def _to_enum(name: str) -> permission_pb2.Permission.ValueType:
    return permission_pb2.Permission.Value(PREFIX + name)
