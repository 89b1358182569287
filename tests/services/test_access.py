"""Roles, and what they may be given, through real stubs."""

import asyncio
from functools import partial
from typing import Any
from uuid import UUID

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from outbound_sms.store.pool import Pool
from outboundsms.v1 import access_pb2 as pb
from outboundsms.v1 import instances_pb2, permission_pb2, settings_pb2
from outboundsms.v1.access_pb2_grpc import AccessStub
from outboundsms.v1.instances_pb2_grpc import InstancesStub
from outboundsms.v1.permission_pb2 import (
    PERMISSION_ANY_CALLER,
    PERMISSION_CREATE_SMS_MESSAGE,
    PERMISSION_MANAGE_ACCESS,
    PERMISSION_MANAGE_INSTANCES,
    PERMISSION_READ_CONTACT,
    PERMISSION_READ_DIRECTORY,
    PERMISSION_UNSPECIFIED,
    PERMISSION_UPDATE_SMS_SETTINGS,
)
from outboundsms.v1.settings_pb2_grpc import SettingsStub
from tests.services.access_calls import (
    add_key,
    add_role,
    first_role,
    make_key_with,
    update_role,
)
from tests.services.failures import Failure, failure
from tests.services.running import Stubs, Tenant
from tests.waiting import wait_until

Code = grpc.StatusCode
EVERYONE = {PERMISSION_UNSPECIFIED, PERMISSION_ANY_CALLER}


def check(told: Failure, code: grpc.StatusCode, reason: str, **metadata: str) -> None:
    assert (told.code, told.reason, told.metadata) == (code, reason, metadata)


async def listed(access: Any) -> dict[int, str]:
    answer = await access.ListPermissions(pb.ListPermissionsRequest())
    return {each.permission: each.label for each in answer.permissions}


async def test_every_permission_that_a_tenant_can_give_has_a_label(stub: Stubs) -> None:
    labels = await listed(stub(AccessStub))
    every = set(permission_pb2.Permission.values()) - EVERYONE
    assert labels.keys() == every - {PERMISSION_MANAGE_INSTANCES}
    assert labels[PERMISSION_CREATE_SMS_MESSAGE] == "Create a new SMS message"


async def test_the_platform_operator_can_give_what_manages_instances(
    stub: Stubs, operator_key: str
) -> None:
    labels = await listed(stub(AccessStub, operator_key))
    assert labels.keys() == set(permission_pb2.Permission.values()) - EVERYONE


@pytest.mark.parametrize(
    ("country", "data_center", "are_listed"),
    [("US", "US", True), ("CA", "CANADA", True), ("GB", "US", False)],
)
async def test_sms_permissions_are_listed_in_the_us_and_canada_only(
    stub: Stubs,
    instance: Tenant,
    pool: Pool,
    country: str,
    data_center: str,
    are_listed: bool,
) -> None:
    await pool.execute(
        "UPDATE instance SET sms_enabled = false, country = $2, data_center = $3 WHERE id = $1",
        instance.instance.id,
        country,
        data_center,
    )
    labels = await listed(stub(AccessStub))
    of_sms = {value for name, value in permission_pb2.Permission.items() if "SMS" in name}
    assert len(of_sms) == 10
    assert labels.keys() & of_sms == (of_sms if are_listed else set())
    assert PERMISSION_READ_CONTACT in labels
    role = pb.Role(name="Sender", permissions=[PERMISSION_CREATE_SMS_MESSAGE])
    request = pb.CreateRoleRequest(role=role)
    if are_listed:
        await stub(AccessStub).CreateRole(request)
    else:
        refused = await failure(stub(AccessStub).CreateRole(request))
        assert refused.violations.keys() == {"role.permissions[0]"}


async def test_a_key_may_do_what_its_role_allows_and_nothing_else(stub: Stubs) -> None:
    key = await make_key_with(stub(AccessStub), PERMISSION_MANAGE_ACCESS)
    assert len((await stub(AccessStub, key).ListRoles(pb.ListRolesRequest())).roles) == 2
    refused = await failure(
        stub(SettingsStub, key).UpdateSmsSettings(settings_pb2.UpdateSmsSettingsRequest())
    )
    check(refused, Code.PERMISSION_DENIED, "PERMISSION_MISSING", permission="UPDATE_SMS_SETTINGS")


async def test_nobody_gives_more_than_they_have(stub: Stubs) -> None:
    limited = stub(AccessStub, await make_key_with(stub(AccessStub), PERMISSION_MANAGE_ACCESS))
    for role, missing in (
        (pb.Role(name="More", permissions=[PERMISSION_UPDATE_SMS_SETTINGS]), "UPDATE_SMS_SETTINGS"),
        (pb.Role(name="All", super_admin=True), "SUPER_ADMIN"),
    ):
        refused = await failure(limited.CreateRole(pb.CreateRoleRequest(role=role)))
        check(refused, Code.PERMISSION_DENIED, "PERMISSION_MISSING", permission=missing)
    roles = (await limited.ListRoles(pb.ListRolesRequest())).roles
    assert [role.name for role in roles] == ["Super-admin", "Backend role"]
    wanted = pb.ApiKey(name="Mine", role_id=roles[0].role_id)
    refused = await failure(limited.CreateApiKey(pb.CreateApiKeyRequest(api_key=wanted)))
    check(refused, Code.PERMISSION_DENIED, "PERMISSION_MISSING", permission="SUPER_ADMIN")
    assert (await add_key(limited, roles[1].role_id, "Mine")).secret


async def test_nobody_gives_or_takes_more_by_an_update(stub: Stubs) -> None:
    admin = stub(AccessStub)
    limited = stub(AccessStub, await make_key_with(admin, PERMISSION_MANAGE_ACCESS))
    own = (await admin.ListRoles(pb.ListRolesRequest())).roles[-1]
    sender = await add_role(admin, "Sender", PERMISSION_CREATE_SMS_MESSAGE)
    second = await add_role(admin, "Second", super_admin=True)

    async def refused(role: pb.Role, path: str, missing: str) -> None:
        told = await failure(update_role(limited, role, path))
        check(told, Code.PERMISSION_DENIED, "PERMISSION_MISSING", permission=missing)

    more = [PERMISSION_MANAGE_ACCESS, PERMISSION_UPDATE_SMS_SETTINGS]
    given = pb.Role(role_id=own.role_id, permissions=more)
    await refused(given, "permissions", "UPDATE_SMS_SETTINGS")
    await refused(pb.Role(role_id=own.role_id, super_admin=True), "super_admin", "SUPER_ADMIN")
    await refused(pb.Role(role_id=sender.role_id), "permissions", "CREATE_SMS_MESSAGE")
    await refused(pb.Role(role_id=sender.role_id, name="X"), "name", "CREATE_SMS_MESSAGE")
    await refused(pb.Role(role_id=second.role_id), "super_admin", "SUPER_ADMIN")
    stored = (await admin.ListRoles(pb.ListRolesRequest())).roles
    assert list(stored[-3:]) == [own, sender, second]
    less = (await update_role(limited, pb.Role(role_id=own.role_id, name="Less"), "name")).role
    assert less.name == "Less"


async def test_an_update_changes_what_its_mask_names_and_the_etag(stub: Stubs) -> None:
    access = stub(AccessStub)
    role = await add_role(access, "Sender", PERMISSION_CREATE_SMS_MESSAGE)
    wanted = pb.Role(role_id=role.role_id, name=" Reader ", etag=role.etag)
    named = (await update_role(access, wanted, "name")).role
    assert (named.name, list(named.permissions)) == ("Reader", [PERMISSION_CREATE_SMS_MESSAGE])
    assert named.etag != role.etag
    wanted = pb.Role(role_id=role.role_id, permissions=[PERMISSION_READ_CONTACT])
    changed = (await update_role(access, wanted, "permissions")).role
    assert (changed.name, list(changed.permissions)) == ("Reader", [PERMISSION_READ_CONTACT])
    assert not changed.super_admin
    promoted = pb.Role(role_id=role.role_id, super_admin=True)
    assert (await update_role(access, promoted, "super_admin")).role.super_admin
    stored = (await access.ListRoles(pb.ListRolesRequest())).roles[-1]
    assert (stored.name, stored.super_admin) == ("Reader", True)
    late = pb.Role(role_id=role.role_id, name="Late", etag=role.etag)
    refused = await failure(update_role(access, late, "name"))
    check(refused, Code.ABORTED, "ETAG_MISMATCH", etag=stored.etag)


async def test_what_is_wrong_with_an_update_is_said_at_once_and_changes_nothing(
    stub: Stubs,
) -> None:
    access = stub(AccessStub)
    role = await add_role(access, "Sender")
    await add_role(access, "Taken")
    values: Any = [PERMISSION_MANAGE_INSTANCES, 999]
    wrong = pb.Role(role_id="x", name="", etag="x", permissions=values)
    request = pb.UpdateRoleRequest(
        role=wrong, update_mask=FieldMask(paths=["name", "permissions", "etag"])
    )
    refused = await failure(access.UpdateRole(request))
    assert refused.violations.keys() == {
        "role.role_id",
        "role.name",
        "role.etag",
        "role.permissions[0]",
        "role.permissions[1]",
        "update_mask",
    }
    empty = await failure(update_role(access, pb.Role(role_id=role.role_id)))
    assert empty.violations.keys() == {"update_mask"}
    taken = pb.Role(role_id=role.role_id, name="Taken")
    check(
        await failure(update_role(access, taken, "name")),
        Code.ALREADY_EXISTS,
        "NAME_TAKEN",
        name="Taken",
    )
    assert (await access.ListRoles(pb.ListRolesRequest())).roles[1] == role


async def test_the_first_role_is_locked_and_another_super_admins_is_not(stub: Stubs) -> None:
    access = stub(AccessStub)
    first = await first_role(access)
    for path in ("name", "permissions", "super_admin"):
        wanted = pb.Role(role_id=first.role_id, name="Mine")
        check(
            await failure(update_role(access, wanted, path)),
            Code.FAILED_PRECONDITION,
            "ROLE_LOCKED",
        )
    delete = pb.DeleteRoleRequest(role_id=first.role_id)
    check(await failure(access.DeleteRole(delete)), Code.FAILED_PRECONDITION, "ROLE_LOCKED")
    assert await first_role(access) == first

    second = await add_role(access, "Second", super_admin=True)
    theirs = stub(AccessStub, (await add_key(access, second.role_id)).secret)
    wanted = pb.Role(role_id=second.role_id, name="Deputy")
    assert (await update_role(theirs, wanted, "name")).role.name == "Deputy"
    check(await failure(theirs.DeleteRole(delete)), Code.FAILED_PRECONDITION, "ROLE_LOCKED")


async def test_a_role_is_deleted_once_no_key_that_works_has_it(stub: Stubs, pool: Pool) -> None:
    access = stub(AccessStub)
    role = await add_role(access, "Sender")
    revoked, expired = [(await add_key(access, role.role_id)).api_key for _ in range(2)]
    delete = pb.DeleteRoleRequest(role_id=role.role_id)
    refused = await failure(access.DeleteRole(delete))
    used = {"used_by": "api_key", "id": revoked.api_key_id}
    check(refused, Code.FAILED_PRECONDITION, "IN_USE", **used)
    await access.RevokeApiKey(pb.RevokeApiKeyRequest(api_key_id=revoked.api_key_id))
    refused = await failure(access.DeleteRole(delete))
    assert refused.metadata["id"] == expired.api_key_id
    await pool.execute(
        "UPDATE api_key SET expire_time = clock_timestamp() WHERE id = $1",
        UUID(expired.api_key_id),
    )
    await access.DeleteRole(delete)

    check(
        await failure(access.DeleteRole(delete)), Code.NOT_FOUND, "ROLE_NOT_FOUND", id=role.role_id
    )
    gone = await failure(update_role(access, pb.Role(role_id=role.role_id, name="X"), "name"))
    assert gone.reason == "ROLE_NOT_FOUND"
    key = pb.CreateApiKeyRequest(api_key=pb.ApiKey(name="Late", role_id=role.role_id))
    assert (await failure(access.CreateApiKey(key))).reason == "ROLE_NOT_FOUND"
    names = [each.name for each in (await access.ListRoles(pb.ListRolesRequest())).roles]
    assert names == ["Super-admin"]
    kept = (await access.ListApiKeys(pb.ListApiKeysRequest())).api_keys
    assert [each.role_id for each in kept[1:]] == [role.role_id] * 2
    assert (await add_role(access, "Sender")).role_id != role.role_id


async def test_no_key_is_made_of_a_role_that_is_being_deleted(stub: Stubs, pool: Pool) -> None:
    access = stub(AccessStub)

    async def race(number: int) -> None:
        role = await add_role(access, f"Role {number}")
        await asyncio.gather(
            add_key(access, role.role_id),
            access.DeleteRole(pb.DeleteRoleRequest(role_id=role.role_id)),
            return_exceptions=True,
        )

    await asyncio.gather(*map(race, range(20)))
    orphans = await pool.fetchval(
        "SELECT count(*) FROM api_key k JOIN role r ON r.id = k.role_id "
        "WHERE r.delete_time IS NOT NULL"
    )
    assert orphans == 0
    assert await pool.fetchval("SELECT count(*) FROM role") == 21


async def test_who_has_just_lost_a_permission_cannot_take_it_back(stub: Stubs) -> None:
    admin = stub(AccessStub)
    secret = await make_key_with(admin, PERMISSION_MANAGE_ACCESS, PERMISSION_READ_DIRECTORY)
    theirs = stub(AccessStub, secret)
    role = (await theirs.ListRoles(pb.ListRolesRequest())).roles[-1]
    everything = list(role.permissions)

    await update_role(
        admin,
        pb.Role(role_id=role.role_id, permissions=[PERMISSION_MANAGE_ACCESS]),
        "permissions",
    )
    back = pb.Role(role_id=role.role_id, permissions=everything)
    told = await failure(update_role(theirs, back, "permissions"))
    check(told, Code.PERMISSION_DENIED, "PERMISSION_MISSING", permission="READ_DIRECTORY")

    await update_role(admin, pb.Role(role_id=role.role_id), "permissions")
    for call in (
        add_role(theirs, "Mine"),
        add_key(theirs, role.role_id),
        update_role(theirs, pb.Role(role_id=role.role_id, name="X"), "name"),
        theirs.DeleteRole(pb.DeleteRoleRequest(role_id=role.role_id)),
    ):
        told = await failure(call)
        check(told, Code.PERMISSION_DENIED, "PERMISSION_MISSING", permission="MANAGE_ACCESS")


async def test_a_change_of_a_role_acts_on_its_keys_within_five_seconds(stub: Stubs) -> None:
    admin = stub(AccessStub)
    role = await add_role(admin, "Administrator", PERMISSION_MANAGE_ACCESS)
    theirs = stub(AccessStub, (await add_key(admin, role.role_id)).secret)
    await theirs.ListRoles(pb.ListRolesRequest())

    async def reason(access: Any) -> str:
        try:
            await access.ListRoles(pb.ListRolesRequest())
        except grpc.aio.AioRpcError:
            return "refused"
        return "allowed"

    async def is_now(wanted: str) -> bool:
        return await reason(theirs) == wanted

    await update_role(admin, pb.Role(role_id=role.role_id), "permissions")
    await wait_until(partial(is_now, "refused"), timeout=5)
    more = pb.Role(role_id=role.role_id, permissions=[PERMISSION_MANAGE_ACCESS])
    await update_role(admin, more, "permissions")
    await wait_until(partial(is_now, "allowed"), timeout=5)


async def test_no_role_of_a_tenant_manages_instances_whatever_is_stored(
    stub: Stubs, pool: Pool
) -> None:
    access = stub(AccessStub)
    role = pb.Role(name="Operator", permissions=[PERMISSION_MANAGE_INSTANCES])
    refused = await failure(access.CreateRole(pb.CreateRoleRequest(role=role)))
    assert refused.violations.keys() == {"role.permissions[0]"}
    made = await add_role(access, "Operator")
    await pool.execute(
        "UPDATE role SET permissions = '{MANAGE_INSTANCES}' WHERE id = $1", UUID(made.role_id)
    )
    stored = (await add_key(access, made.role_id)).secret
    for key in (None, stored):
        told = await failure(
            stub(InstancesStub, key).ListInstances(instances_pb2.ListInstancesRequest())
        )
        check(told, Code.PERMISSION_DENIED, "PERMISSION_MISSING", permission="MANAGE_INSTANCES")


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
