"""Calls of Access that many tests make."""

from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from outboundsms.v1 import access_pb2 as pb
from outboundsms.v1.permission_pb2 import Permission


async def add_role(
    access: Any, name: str, *permissions: Permission.ValueType, super_admin: bool = False
) -> pb.Role:
    """A new role."""
    role = pb.Role(name=name, permissions=permissions, super_admin=super_admin)
    made: pb.Role = (await access.CreateRole(pb.CreateRoleRequest(role=role))).role
    return made


async def add_key(access: Any, role_id: str, name: str = "Backend") -> pb.CreateApiKeyResponse:
    """A new key of a role, with its secret."""
    key = pb.ApiKey(name=name, role_id=role_id)
    made: pb.CreateApiKeyResponse = await access.CreateApiKey(pb.CreateApiKeyRequest(api_key=key))
    return made


async def make_key_with(
    access: Any, *permissions: Permission.ValueType, name: str = "Backend"
) -> str:
    """A role with these permissions, and the text of a new key of it."""
    role = await add_role(access, f"{name} role", *permissions)
    return (await add_key(access, role.role_id, name)).secret


async def update_role(access: Any, role: pb.Role, *paths: str) -> pb.UpdateRoleResponse:
    """Changes the fields of a role that the paths name."""
    request = pb.UpdateRoleRequest(role=role, update_mask=FieldMask(paths=paths))
    updated: pb.UpdateRoleResponse = await access.UpdateRole(request)
    return updated


async def first_role(access: Any) -> pb.Role:
    """The role that the instance was made with."""
    listed: pb.ListRolesResponse = await access.ListRoles(pb.ListRolesRequest(page_size=1))
    return listed.roles[0]
