"""Roles and API keys, through real stubs."""

import time
import zlib
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import grpc
import pytest

from outbound_sms.store.pool import Pool
from outboundsms.v1 import access_pb2 as pb
from outboundsms.v1 import permission_pb2, settings_pb2
from outboundsms.v1.access_pb2_grpc import AccessStub
from outboundsms.v1.permission_pb2 import (
    PERMISSION_ANY_CALLER,
    PERMISSION_CREATE_SMS_MESSAGE,
    PERMISSION_MANAGE_ACCESS,
    PERMISSION_UNSPECIFIED,
    PERMISSION_UPDATE_SMS_SETTINGS,
    Permission,
)
from outboundsms.v1.settings_pb2_grpc import SettingsStub
from tests.services.failures import failure, failure_of
from tests.services.running import Stubs, Tenant
from tests.waiting import wait_until

Code = grpc.StatusCode


async def make_key(access: Any, *permissions: Permission.ValueType, name: str = "Backend") -> str:
    """A role with these permissions, and the text of a new key of it."""
    role = await access.CreateRole(
        pb.CreateRoleRequest(role=pb.Role(name=f"{name} role", permissions=permissions))
    )
    made = await access.CreateApiKey(
        pb.CreateApiKeyRequest(api_key=pb.ApiKey(name=name, role_id=role.role.role_id))
    )
    return str(made.secret)


async def is_refused(access: Any) -> bool:
    """Whether the key of this stub does not open anything any more."""
    try:
        await access.ListRoles(pb.ListRolesRequest())
    except grpc.aio.AioRpcError as error:
        told = failure_of(error)
        return (told.code, told.reason) == (Code.UNAUTHENTICATED, "API_KEY_INVALID")
    return False


async def test_every_permission_has_a_label(stub: Stubs) -> None:
    answer = await stub(AccessStub).ListPermissions(pb.ListPermissionsRequest())
    labels = {each.permission: each.label for each in answer.permissions}
    everyone = {PERMISSION_UNSPECIFIED, PERMISSION_ANY_CALLER}
    assert labels.keys() == set(permission_pb2.Permission.values()) - everyone
    assert labels[PERMISSION_CREATE_SMS_MESSAGE] == "Create a new SMS message"


async def test_a_key_may_do_what_its_role_allows_and_nothing_else(stub: Stubs) -> None:
    key = await make_key(stub(AccessStub), PERMISSION_MANAGE_ACCESS)
    assert len((await stub(AccessStub, key).ListRoles(pb.ListRolesRequest())).roles) == 2
    refused = await failure(
        stub(SettingsStub, key).UpdateSmsSettings(settings_pb2.UpdateSmsSettingsRequest())
    )
    assert (refused.code, refused.reason) == (Code.PERMISSION_DENIED, "PERMISSION_MISSING")
    assert refused.metadata == {"permission": "UPDATE_SMS_SETTINGS"}


async def test_nobody_gives_more_than_they_have(stub: Stubs) -> None:
    limited = stub(AccessStub, await make_key(stub(AccessStub), PERMISSION_MANAGE_ACCESS))
    for role, missing in (
        (pb.Role(name="More", permissions=[PERMISSION_UPDATE_SMS_SETTINGS]), "UPDATE_SMS_SETTINGS"),
        (pb.Role(name="All", super_admin=True), "SUPER_ADMIN"),
    ):
        refused = await failure(limited.CreateRole(pb.CreateRoleRequest(role=role)))
        assert refused.code is Code.PERMISSION_DENIED
        assert refused.metadata == {"permission": missing}
    roles = (await limited.ListRoles(pb.ListRolesRequest())).roles
    assert [role.name for role in roles] == ["Super-admin", "Backend role"]
    wanted = pb.ApiKey(name="Mine", role_id=roles[0].role_id)
    refused = await failure(limited.CreateApiKey(pb.CreateApiKeyRequest(api_key=wanted)))
    assert (refused.code, refused.reason) == (Code.PERMISSION_DENIED, "PERMISSION_MISSING")
    same = pb.ApiKey(name="Mine", role_id=roles[1].role_id)
    assert (await limited.CreateApiKey(pb.CreateApiKeyRequest(api_key=same))).secret


async def test_a_role_is_stored_as_given_and_its_name_is_unique_in_the_instance(
    stub: Stubs, other_instance: Tenant
) -> None:
    given = pb.Role(
        name="  Sender ", permissions=[PERMISSION_CREATE_SMS_MESSAGE, PERMISSION_CREATE_SMS_MESSAGE]
    )
    made = (await stub(AccessStub).CreateRole(pb.CreateRoleRequest(role=given))).role
    assert (made.name, list(made.permissions)) == ("Sender", [PERMISSION_CREATE_SMS_MESSAGE])
    taken = await failure(stub(AccessStub).CreateRole(pb.CreateRoleRequest(role=given)))
    assert (taken.code, taken.reason) == (Code.ALREADY_EXISTS, "NAME_TAKEN")
    assert taken.metadata == {"name": "Sender"}
    await stub(AccessStub, other_instance.key).CreateRole(pb.CreateRoleRequest(role=given))


async def test_all_that_is_wrong_with_a_role_is_said_at_once(stub: Stubs) -> None:
    values: Any = [
        PERMISSION_UNSPECIFIED,
        999,
        PERMISSION_ANY_CALLER,
        PERMISSION_CREATE_SMS_MESSAGE,
    ]
    role = pb.Role(name="Two\nlines\0" + "x" * 100, permissions=values)
    refused = await failure(stub(AccessStub).CreateRole(pb.CreateRoleRequest(role=role)))
    assert (refused.code, refused.reason) == (Code.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert refused.violations.keys() == {"role.name", *(f"role.permissions[{n}]" for n in range(3))}
    assert (refused.domain, bool(refused.call_id)) == ("outboundsms.v1", True)


async def test_all_that_is_wrong_with_a_key_is_said_at_once(stub: Stubs) -> None:
    key = pb.ApiKey(name=" ", role_id="{01a20705-c6ad-77e0-914e-3841ccde1c73}")
    key.expire_time.FromDatetime(datetime.now(UTC) - timedelta(seconds=1))
    refused = await failure(stub(AccessStub).CreateApiKey(pb.CreateApiKeyRequest(api_key=key)))
    assert refused.violations.keys() == {"api_key.name", "api_key.role_id", "api_key.expire_time"}
    key.expire_time.seconds = 2**62
    refused = await failure(stub(AccessStub).CreateApiKey(pb.CreateApiKeyRequest(api_key=key)))
    assert refused.violations["api_key.expire_time"].startswith("is not a time")


async def test_another_instance_has_no_roles_or_keys_here(
    stub: Stubs, other_instance: Tenant
) -> None:
    theirs = stub(AccessStub, other_instance.key)
    role = (await theirs.ListRoles(pb.ListRolesRequest())).roles[0]
    key = (await theirs.ListApiKeys(pb.ListApiKeysRequest())).api_keys[0]
    ours = stub(AccessStub)
    wanted = pb.CreateApiKeyRequest(api_key=pb.ApiKey(name="Mine", role_id=role.role_id))
    refused = await failure(ours.CreateApiKey(wanted))
    assert (refused.code, refused.reason) == (Code.NOT_FOUND, "ROLE_NOT_FOUND")
    refused = await failure(ours.RevokeApiKey(pb.RevokeApiKeyRequest(api_key_id=key.api_key_id)))
    assert (refused.code, refused.reason) == (Code.NOT_FOUND, "API_KEY_NOT_FOUND")
    assert refused.metadata == {"id": key.api_key_id}
    listed = (await ours.ListApiKeys(pb.ListApiKeysRequest())).api_keys
    assert key.api_key_id not in {each.api_key_id for each in listed}
    assert (await theirs.ListRoles(pb.ListRolesRequest())).roles == [role]


async def test_pages_hold_every_role_once_and_tokens_fit_only_their_list(
    stub: Stubs, other_instance: Tenant
) -> None:
    access = stub(AccessStub)
    for number in range(4):
        await access.CreateRole(pb.CreateRoleRequest(role=pb.Role(name=f"Role {number}")))
    names, token, sizes = [], "", [2, 1, 2]
    for size in sizes:
        answer = await access.ListRoles(pb.ListRolesRequest(page_size=size, page_token=token))
        names += [role.name for role in answer.roles]
        token = answer.next_page_token or token
    assert names == ["Super-admin", *(f"Role {number}" for number in range(4))]
    assert answer.next_page_token == ""

    async def refused(call: Any) -> None:
        told = await failure(call)
        assert (told.code, told.reason) == (Code.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")

    other = stub(AccessStub, other_instance.key)
    swapped = ("B" if token[0] == "A" else "A") + token[1:]
    await refused(other.ListRoles(pb.ListRolesRequest(page_token=token)))
    await refused(access.ListApiKeys(pb.ListApiKeysRequest(page_token=token)))
    for bad in (swapped, token[:-2], "x", "é", "A" * 5000):
        await refused(access.ListRoles(pb.ListRolesRequest(page_token=bad)))
    told = await failure(access.ListRoles(pb.ListRolesRequest(page_size=-1)))
    assert told.violations.keys() == {"page_size"}


async def test_a_revoked_key_is_refused_within_five_seconds_and_stays_revoked(stub: Stubs) -> None:
    key = await make_key(stub(AccessStub), PERMISSION_MANAGE_ACCESS)
    theirs = stub(AccessStub, key)
    await theirs.ListRoles(pb.ListRolesRequest())
    listed = (await stub(AccessStub).ListApiKeys(pb.ListApiKeysRequest())).api_keys
    request = pb.RevokeApiKeyRequest(api_key_id=listed[-1].api_key_id)
    first = (await stub(AccessStub).RevokeApiKey(request)).api_key
    revoked = time.monotonic()

    await wait_until(partial(is_refused, theirs), timeout=5)
    assert time.monotonic() - revoked < 5
    again = (await stub(AccessStub).RevokeApiKey(request)).api_key
    assert again == first
    assert first.HasField("revoke_time")


async def test_a_key_ends_when_it_expires(stub: Stubs) -> None:
    access = stub(AccessStub)
    role_id = (await access.ListRoles(pb.ListRolesRequest())).roles[0].role_id
    wanted = pb.ApiKey(name="Short", role_id=role_id)
    wanted.expire_time.FromDatetime(datetime.now(UTC) + timedelta(seconds=0.5))
    made = await access.CreateApiKey(pb.CreateApiKeyRequest(api_key=wanted))
    assert made.api_key.expire_time == wanted.expire_time
    theirs = stub(AccessStub, made.secret)
    await theirs.ListRoles(pb.ListRolesRequest())
    await wait_until(partial(is_refused, theirs), timeout=5)
    assert made.api_key.expire_time.ToDatetime(UTC) <= datetime.now(UTC)


async def test_the_database_cannot_tell_a_secret(stub: Stubs, pool: Pool, instance: Tenant) -> None:
    secret = instance.key.split("_")[3]
    row = await pool.fetchrow("SELECT * FROM api_key")
    assert row is not None
    assert len(secret) == 43
    assert secret not in str(dict(row))
    assert secret.encode() not in row["secret_hash"]


@pytest.mark.parametrize("place", [4, 25, 60, -1])
async def test_a_mistyped_key_is_refused(stub: Stubs, instance: Tenant, place: int) -> None:
    typed = list(instance.key)
    typed[place] = "x" if typed[place] != "x" else "y"
    refused = await failure(
        stub(AccessStub, "".join(typed)).ListPermissions(pb.ListPermissionsRequest())
    )
    assert (refused.code, refused.reason) == (Code.UNAUTHENTICATED, "API_KEY_INVALID")


async def test_the_secret_of_another_key_does_not_open_this_one(
    stub: Stubs, instance: Tenant, other_instance: Tenant
) -> None:
    parts, other = instance.key.split("_"), other_instance.key.split("_")
    signed = "_".join([*parts[:3], other[3]])
    mixed = f"{signed}_{zlib.crc32(signed.encode()):08x}"
    refused = await failure(stub(AccessStub, mixed).ListPermissions(pb.ListPermissionsRequest()))
    assert (refused.code, refused.reason) == (Code.UNAUTHENTICATED, "API_KEY_INVALID")
