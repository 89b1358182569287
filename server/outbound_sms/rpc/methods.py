"""What each method of the contract demands of its caller, read from the descriptors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from outboundsms.v1 import permission_pb2

PREFIX = "PERMISSION_"


class PermissionUndeclared(RuntimeError):
    """A method of the contract does not say who may call it; the server must not start."""


@dataclass(frozen=True, slots=True)
class Method:
    """A method: `/package.Service/Name`, the permissions it needs, and whether it needs a key."""

    path: str
    permissions: frozenset[str]
    needs_key: bool = True


def read_methods(services: Iterable[ServiceDescriptor]) -> dict[str, Method]:
    """Every method by its path. Raises PermissionUndeclared when one declares no permission."""
    found = {}
    for service in services:
        for descriptor in service.methods:
            path = f"/{service.full_name}/{descriptor.name}"
            found[path] = Method(path, _permissions(path, descriptor))
    return found


def open_methods(services: Iterable[ServiceDescriptor]) -> dict[str, Method]:
    """Methods for everyone, for health and reflection only."""
    return {
        path: Method(path, frozenset(), needs_key=False)
        for service in services
        for path in (f"/{service.full_name}/{each.name}" for each in service.methods)
    }


def permission_name(value: permission_pb2.Permission.ValueType) -> str:
    """CREATE_SMS_MESSAGE for PERMISSION_CREATE_SMS_MESSAGE."""
    return permission_pb2.Permission.Name(value).removeprefix(PREFIX)


def _permissions(path: str, descriptor: MethodDescriptor) -> frozenset[str]:
    declared = list(descriptor.GetOptions().Extensions[permission_pb2.required_permissions])
    if not declared or permission_pb2.PERMISSION_UNSPECIFIED in declared:
        raise PermissionUndeclared(
            f"{path} declares no permission; set option (required_permissions) in its proto file"
        )
    return frozenset(
        permission_name(value)
        for value in declared
        if value != permission_pb2.PERMISSION_ANY_CALLER
    )
