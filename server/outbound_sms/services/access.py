"""Roles and API keys. Nobody gives more than they have."""

from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from outbound_sms.domain.access import ApiKey, Role
from outbound_sms.domain.api_key import make_key
from outbound_sms.domain.errors import PermissionDenied, Reason, Violations
from outbound_sms.domain.permission import LABELS
from outbound_sms.domain.text_field import check_text
from outbound_sms.rpc.caller import Caller, current_caller
from outbound_sms.rpc.fields import check_enum, parse_id, to_datetime, to_timestamp
from outbound_sms.rpc.methods import PREFIX, permission_name
from outbound_sms.rpc.once import Once
from outbound_sms.rpc.pages import Pages
from outbound_sms.services.paging import read_page
from outbound_sms.store import access
from outbound_sms.store.pool import Connection, Pool
from outboundsms.v1 import access_pb2, access_pb2_grpc, permission_pb2

LONGEST_NAME = 100
SUPER_ADMIN = "SUPER_ADMIN"


class Access(access_pb2_grpc.AccessServicer):
    """Serves `outboundsms.v1.Access`."""

    def __init__(self, pool: Pool, pages: Pages, once: Once) -> None:
        self._pool = pool
        self._pages = pages
        self._once = once

    async def ListPermissions(
        self, request: access_pb2.ListPermissionsRequest, context: Any
    ) -> access_pb2.ListPermissionsResponse:
        infos = [
            access_pb2.PermissionInfo(permission=_to_enum(name), label=label)
            for name, label in LABELS.items()
        ]
        return access_pb2.ListPermissionsResponse(permissions=infos)

    async def CreateRole(
        self, request: access_pb2.CreateRoleRequest, context: Any
    ) -> access_pb2.CreateRoleResponse:
        caller = current_caller()
        name, permissions = _read_role(request.role)
        _must_have(caller, permissions, super_admin=request.role.super_admin)

        async def work(connection: Connection) -> access_pb2.CreateRoleResponse:
            role = await access.create_role(
                connection,
                caller.instance_id,
                name,
                permissions,
                super_admin=request.role.super_admin,
            )
            return access_pb2.CreateRoleResponse(role=_role(role))

        return await self._once.run(request, access_pb2.CreateRoleResponse, work)

    async def ListRoles(
        self, request: access_pb2.ListRolesRequest, context: Any
    ) -> access_pb2.ListRolesResponse:
        instance_id = current_caller().instance_id
        roles, token = await read_page(
            self._pages, request, partial(access.list_roles, self._pool, instance_id)
        )
        shown = [_role(role) for role in roles]
        return access_pb2.ListRolesResponse(roles=shown, next_page_token=token)

    async def CreateApiKey(
        self, request: access_pb2.CreateApiKeyRequest, context: Any
    ) -> access_pb2.CreateApiKeyResponse:
        caller = current_caller()
        name, role_id, expire_time = _read_api_key(request.api_key)
        role = await access.get_role(self._pool, caller.instance_id, role_id)
        _must_have(caller, role.permissions, super_admin=role.super_admin)
        secret = make_key()
        key = await access.create_api_key(
            self._pool, caller.instance_id, role.id, name, secret, expire_time
        )
        return access_pb2.CreateApiKeyResponse(api_key=_api_key(key), secret=secret.text)

    async def ListApiKeys(
        self, request: access_pb2.ListApiKeysRequest, context: Any
    ) -> access_pb2.ListApiKeysResponse:
        instance_id = current_caller().instance_id
        keys, token = await read_page(
            self._pages, request, partial(access.list_api_keys, self._pool, instance_id)
        )
        shown = [_api_key(key) for key in keys]
        return access_pb2.ListApiKeysResponse(api_keys=shown, next_page_token=token)

    async def RevokeApiKey(
        self, request: access_pb2.RevokeApiKeyRequest, context: Any
    ) -> access_pb2.RevokeApiKeyResponse:
        violations = Violations()
        api_key_id = parse_id(violations, "api_key_id", request.api_key_id)
        violations.raise_if_any()
        assert api_key_id is not None
        instance_id = current_caller().instance_id
        key = await access.revoke_api_key(self._pool, instance_id, api_key_id)
        return access_pb2.RevokeApiKeyResponse(api_key=_api_key(key))


def _read_role(role: access_pb2.Role) -> tuple[str, frozenset[str]]:
    violations = Violations()
    name = check_text(violations, "role.name", role.name, required=True, longest=LONGEST_NAME)
    names = set()
    for index, value in enumerate(role.permissions):
        field = f"role.permissions[{index}]"
        if value == permission_pb2.PERMISSION_ANY_CALLER:
            violations.add(field, "is what every caller may do; leave it out")
        elif check_enum(violations, field, value, permission_pb2.Permission):
            names.add(permission_name(value))
    violations.raise_if_any()
    return name, frozenset(names)


def _read_api_key(key: access_pb2.ApiKey) -> tuple[str, UUID, datetime | None]:
    violations = Violations()
    name = check_text(violations, "api_key.name", key.name, required=True, longest=LONGEST_NAME)
    role_id = parse_id(violations, "api_key.role_id", key.role_id)
    given = key.expire_time if key.HasField("expire_time") else None
    expire_time = to_datetime(violations, "api_key.expire_time", given)
    if expire_time is not None and expire_time <= datetime.now(UTC):
        violations.add("api_key.expire_time", "has passed; give a time to come, or leave it out")
    violations.raise_if_any()
    assert role_id is not None
    return name, role_id, expire_time


def _must_have(caller: Caller, permissions: frozenset[str], *, super_admin: bool) -> None:
    """Refuses to give away what the caller's own role does not hold."""
    if caller.super_admin:
        return
    missing = permissions - caller.permissions
    if super_admin or missing:
        name = SUPER_ADMIN if super_admin else min(missing)
        raise PermissionDenied(
            Reason.PERMISSION_MISSING,
            f"The role of this API key lacks {name}, so it cannot give it; ask one that has it.",
            permission=name,
        )


def _to_enum(name: str) -> permission_pb2.Permission.ValueType:
    return permission_pb2.Permission.Value(PREFIX + name)


def _role(role: Role) -> access_pb2.Role:
    return access_pb2.Role(
        role_id=str(role.id),
        name=role.name,
        permissions=[_to_enum(name) for name in LABELS if name in role.permissions],
        super_admin=role.super_admin,
    )


def _api_key(key: ApiKey) -> access_pb2.ApiKey:
    return access_pb2.ApiKey(
        api_key_id=str(key.id),
        name=key.name,
        role_id=str(key.role_id),
        expire_time=to_timestamp(key.expire_time),
        revoke_time=to_timestamp(key.revoke_time),
        create_time=to_timestamp(key.create_time),
    )
