"""Roles: names for sets of permissions."""

from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from outbound_sms.domain.access import Role, RoleValues
from outbound_sms.domain.errors import Reason, Violations, WrongState
from outbound_sms.domain.permission import listed_permissions
from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.fields import parse_etag, parse_id, read_mask
from outbound_sms.rpc.once import Once
from outbound_sms.rpc.pages import Pages
from outbound_sms.services import access_fields
from outbound_sms.services.access_rights import check_covers, lock_access
from outbound_sms.services.missing import check_etag, not_found
from outbound_sms.services.paging import read_page
from outbound_sms.store import instances, roles
from outbound_sms.store.pool import Connection, Pool
from outboundsms.v1 import access_pb2 as pb

MANAGE_ACCESS = "MANAGE_ACCESS"


class RoleMethods:
    """The part of `outboundsms.v1.Access` about roles, and what they may be given."""

    _pool: Pool
    _pages: Pages
    _once: Once

    async def ListPermissions(
        self, request: pb.ListPermissionsRequest, context: Any
    ) -> pb.ListPermissionsResponse:
        infos = access_fields.show_permissions(await self._listed())
        return pb.ListPermissionsResponse(permissions=infos)

    async def CreateRole(
        self, request: pb.CreateRoleRequest, context: Any
    ) -> pb.CreateRoleResponse:
        violations, listed = Violations(), await self._listed()
        given = access_fields.read_role(violations, request.role, access_fields.CHANGEABLE, listed)
        violations.raise_if_any()
        values = RoleValues(**given)
        caller = current_caller()

        async def work(db: Connection) -> pb.CreateRoleResponse:
            rights = await lock_access(db, caller, caller.instance_id, MANAGE_ACCESS)
            check_covers(rights, values.permissions, super_admin=values.super_admin)
            made = await roles.create_role(db, caller.instance_id, values)
            return pb.CreateRoleResponse(role=access_fields.show_role(made))

        return await self._once.run(request, pb.CreateRoleResponse, work)

    async def ListRoles(self, request: pb.ListRolesRequest, context: Any) -> pb.ListRolesResponse:
        fetch = partial(roles.list_roles, self._pool, current_caller().instance_id)
        found, token = await read_page(self._pages, request, fetch)
        shown = map(access_fields.show_role, found)
        return pb.ListRolesResponse(roles=shown, next_page_token=token)

    async def UpdateRole(
        self, request: pb.UpdateRoleRequest, context: Any
    ) -> pb.UpdateRoleResponse:
        violations, listed = Violations(), await self._listed()
        mask = read_mask(violations, request.update_mask, access_fields.CHANGEABLE)
        etag = parse_etag(violations, request.role.etag, "role.etag")
        change = access_fields.read_role(violations, request.role, mask, listed)
        role_id = _read_id(violations, "role.role_id", request.role.role_id)
        caller = current_caller()

        async def work(db: Connection) -> pb.UpdateRoleResponse:
            rights = await lock_access(db, caller, caller.instance_id, MANAGE_ACCESS)
            stored = await _get_unlocked(db, caller.instance_id, role_id)
            check_etag(etag, stored.version)
            values = replace(stored.values, **change)
            for each in (stored.values, values):
                check_covers(rights, each.permissions, super_admin=each.super_admin)
            updated = await roles.update_role(db, caller.instance_id, role_id, values)
            return pb.UpdateRoleResponse(role=access_fields.show_role(updated))

        return await self._once.run(request, pb.UpdateRoleResponse, work)

    async def DeleteRole(
        self, request: pb.DeleteRoleRequest, context: Any
    ) -> pb.DeleteRoleResponse:
        role_id = _read_id(Violations(), "role_id", request.role_id)
        caller = current_caller()

        async def work(db: Connection) -> pb.DeleteRoleResponse:
            await lock_access(db, caller, caller.instance_id, MANAGE_ACCESS)
            await _get_unlocked(db, caller.instance_id, role_id)
            await roles.delete_role(db, caller.instance_id, role_id)
            return pb.DeleteRoleResponse()

        return await self._once.run(request, pb.DeleteRoleResponse, work)

    async def _listed(self) -> tuple[str, ...]:
        """What roles of the caller's instance may be given."""
        instance = await instances.get_instance(self._pool, current_caller().instance_id)
        assert instance is not None
        return listed_permissions(instance.values.country, instance.platform)


def _read_id(violations: Violations, field: str, value: str) -> UUID:
    """The id of the role; raises InvalidRequest with it and all violations before it."""
    role_id = parse_id(violations, field, value)
    violations.raise_if_any()
    assert role_id is not None
    return role_id


async def _get_unlocked(db: Connection, instance_id: UUID, role_id: UUID) -> Role:
    """A role that can be changed. Raises NotFound, and WrongState (ROLE_LOCKED)."""
    role = await roles.get_role(db, instance_id, role_id)
    if role is None:
        raise not_found(Reason.ROLE_NOT_FOUND, "role", role_id)
    if role.locked:
        raise WrongState(
            Reason.ROLE_LOCKED,
            "The first role keeps an administrator in the instance; create another role instead.",
        )
    return role
