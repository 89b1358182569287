"""The tenants of the service, and the platform operator who manages them."""

import asyncio
import uuid
from typing import Any
from uuid import UUID

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from outbound_sms.store.pool import Pool
from outboundsms.v1 import access_pb2, contacts_pb2, directory_pb2, language_pb2, settings_pb2
from outboundsms.v1 import instances_pb2 as pb
from outboundsms.v1.access_pb2_grpc import AccessStub
from outboundsms.v1.contacts_pb2_grpc import ContactsStub
from outboundsms.v1.directory_pb2_grpc import DirectoryStub
from outboundsms.v1.instances_pb2_grpc import InstancesStub
from outboundsms.v1.mass_messages_pb2_grpc import MassMessagesStub
from outboundsms.v1.permission_pb2 import (
    PERMISSION_CREATE_SMS_MESSAGE,
    PERMISSION_MANAGE_ACCESS,
    PERMISSION_MANAGE_INSTANCES,
)
from outboundsms.v1.settings_pb2_grpc import SettingsStub
from tests.services.access_calls import add_key, add_role, first_role, make_key_with
from tests.services.failures import failure
from tests.services.mass_message_requests import create as create_mass_message
from tests.services.mass_message_requests import spec
from tests.services.running import Stubs, Tenant, make_operator_key

Code = grpc.StatusCode


@pytest.fixture
def operator(stub: Stubs, operator_key: str) -> Any:
    """A stub of Instances with a key of the platform operator."""
    return stub(InstancesStub, operator_key)


async def create(operator: Any, request_id: str = "", **fields: Any) -> pb.Instance:
    """A new instance in the US, unless told otherwise."""
    fields = {
        "name": "Northwind",
        "country": "US",
        "time_zone": "America/New_York",
        **fields,
    }
    request = pb.CreateInstanceRequest(instance=pb.Instance(**fields), request_id=request_id)
    made: pb.Instance = (await operator.CreateInstance(request)).instance
    return made


async def get(operator: Any, instance_id: str) -> pb.Instance:
    found = await operator.GetInstance(pb.GetInstanceRequest(instance_id=instance_id))
    instance: pb.Instance = found.instance
    return instance


async def update(operator: Any, instance: pb.Instance, *paths: str) -> pb.Instance:
    request = pb.UpdateInstanceRequest(instance=instance, update_mask=FieldMask(paths=paths))
    updated: pb.Instance = (await operator.UpdateInstance(request)).instance
    return updated


async def make_key(operator: Any, instance_id: str, name: str = "First key") -> str:
    request = pb.CreateInstanceApiKeyRequest(instance_id=instance_id, name=name)
    return str((await operator.CreateInstanceApiKey(request)).secret)


async def set_enabled(stubs: Stubs, key: str, enabled: bool) -> Any:
    request = settings_pb2.UpdateSmsSettingsRequest(
        settings=settings_pb2.SmsSettings(enabled=enabled),
        update_mask=FieldMask(paths=["enabled"]),
    )
    return await stubs(SettingsStub, key).UpdateSmsSettings(request)


async def test_a_new_instance_can_send_and_has_an_administrator_and_categories(
    stub: Stubs, operator: Any
) -> None:
    made = await create(operator, name=" Northwind ")
    assert UUID(made.instance_id).version == 7
    assert made == pb.Instance(
        instance_id=made.instance_id,
        name="Northwind",
        country="US",
        data_center=pb.DATA_CENTER_US,
        currency="USD",
        time_zone="America/New_York",
        default_language=language_pb2.LANGUAGE_EN,
        sms_available=True,
        sms_enabled=True,
        etag=made.etag,
        create_time=made.create_time,
    )
    assert await get(operator, made.instance_id) == made

    key = await make_key(operator, made.instance_id, "alice")
    access = stub(AccessStub, key)
    roles = (await access.ListRoles(access_pb2.ListRolesRequest())).roles
    assert [(role.name, role.super_admin) for role in roles] == [("Super-admin", True)]
    keys = (await access.ListApiKeys(access_pb2.ListApiKeysRequest())).api_keys
    assert [(each.name, each.role_id) for each in keys] == [("alice", roles[0].role_id)]
    listed = await stub(ContactsStub, key).ListMessageCategories(
        contacts_pb2.ListMessageCategoriesRequest()
    )
    assert [(each.name, each.is_default) for each in listed.message_categories] == [
        ("Financial", True),
        ("General", True),
    ]


@pytest.mark.parametrize(
    ("fields", "currency", "available"),
    [
        ({"country": "CA"}, "CAD", True),
        ({"country": "CA", "data_center": pb.DATA_CENTER_CANADA}, "CAD", False),
        ({"country": "US", "data_center": pb.DATA_CENTER_CANADA}, "USD", False),
        ({"country": "GB", "currency": "GBP", "data_center": pb.DATA_CENTER_US}, "GBP", False),
        ({"country": "PR"}, "USD", False),
    ],
)
async def test_sending_is_on_from_the_start_where_it_is_available(
    stub: Stubs, operator: Any, fields: Any, currency: str, available: bool
) -> None:
    made = await create(operator, **fields, default_language=language_pb2.LANGUAGE_FR)
    assert (made.sms_available, made.sms_enabled) == (available, available)
    assert (made.currency, made.default_language) == (currency, language_pb2.LANGUAGE_FR)
    key = await make_key(operator, made.instance_id)
    settings = await stub(SettingsStub, key).GetSmsSettings(settings_pb2.GetSmsSettingsRequest())
    assert settings.settings.enabled == available
    if not available:
        refused = await failure(set_enabled(stub, key, True))
        assert (refused.code, refused.reason) == (Code.FAILED_PRECONDITION, "SMS_NOT_AVAILABLE")
        told = await failure(create_mass_message(stub(MassMessagesStub, key), spec()))
        assert told.code is Code.FAILED_PRECONDITION
        assert told.reason in ("SMS_NOT_AVAILABLE", "SMS_DISABLED")


async def test_all_that_is_wrong_with_an_instance_is_said_at_once(operator: Any) -> None:
    wrong: dict[str, Any] = {
        "name": "\0",
        "country": "us",
        "data_center": 9,
        "currency": "USB",
        "time_zone": "EST",
        "default_language": 9,
    }
    refused = await failure(create(operator, **wrong))
    assert refused.violations.keys() == {f"instance.{field}" for field in wrong}
    missing = await failure(operator.CreateInstance(pb.CreateInstanceRequest()))
    assert missing.violations.keys() == {
        f"instance.{field}" for field in ("name", "country", "time_zone")
    }
    assert not (await operator.ListInstances(pb.ListInstancesRequest())).instances[1:]


async def test_a_repeated_creation_makes_one_instance(operator: Any) -> None:
    request_id = str(uuid.uuid4())
    first = await create(operator, request_id)
    assert await create(operator, request_id) == first
    told = await failure(create(operator, request_id, name="Southwind"))
    assert (told.code, told.reason) == (Code.FAILED_PRECONDITION, "REQUEST_ID_REUSED")
    assert len((await operator.ListInstances(pb.ListInstancesRequest())).instances) == 2


async def test_pages_hold_every_tenant_once_and_not_the_platform(
    operator: Any, instance: Tenant
) -> None:
    made = [(await create(operator, name=f"Tenant {number}")).instance_id for number in range(3)]
    found, token = [], ""
    for size in (1, 2, 2):
        page = await operator.ListInstances(
            pb.ListInstancesRequest(page_size=size, page_token=token)
        )
        found += [each.instance_id for each in page.instances]
        token = page.next_page_token
    assert found == [str(instance.instance.id), *made]
    assert token == ""


async def test_an_update_changes_what_its_mask_names_and_the_etag(operator: Any) -> None:
    made = await create(operator)
    wanted = pb.Instance(instance_id=made.instance_id, name="Fibre", country="CA", etag=made.etag)
    updated = await update(operator, wanted, "name", "country")
    assert (updated.name, updated.country, updated.currency) == ("Fibre", "CA", "USD")
    assert (updated.data_center, updated.sms_enabled) == (pb.DATA_CENTER_US, True)
    assert await get(operator, made.instance_id) == updated
    told = await failure(update(operator, wanted, "name"))
    assert (told.code, told.reason) == (Code.ABORTED, "ETAG_MISMATCH")
    assert told.metadata == {"etag": updated.etag}


async def test_the_etag_changes_with_the_settings_of_the_instance(
    stub: Stubs, operator: Any
) -> None:
    made = await create(operator)
    await set_enabled(stub, await make_key(operator, made.instance_id), False)
    told = await failure(update(operator, made, "name"))
    assert told.reason == "ETAG_MISMATCH"
    assert not (await get(operator, made.instance_id)).sms_enabled


async def test_an_instance_moves_to_where_it_cannot_send_only_while_sending_is_off(
    stub: Stubs, operator: Any
) -> None:
    made = await create(operator)
    key = await make_key(operator, made.instance_id)
    away = pb.Instance(
        instance_id=made.instance_id, country="GB", data_center=pb.DATA_CENTER_CANADA
    )
    for path in ("country", "data_center"):
        told = await failure(update(operator, away, path))
        assert (told.code, told.reason) == (Code.FAILED_PRECONDITION, "SMS_NOT_AVAILABLE")
    assert await get(operator, made.instance_id) == made

    await set_enabled(stub, key, False)
    moved = await update(operator, away, "country", "data_center")
    assert (moved.sms_available, moved.sms_enabled) == (False, False)
    refused = await failure(set_enabled(stub, key, True))
    assert refused.reason == "SMS_NOT_AVAILABLE"
    back = pb.Instance(instance_id=made.instance_id, country="US", data_center=pb.DATA_CENTER_US)
    assert (await update(operator, back, "country", "data_center")).sms_available
    await set_enabled(stub, key, True)


async def test_moving_and_switching_on_at_once_never_lets_an_instance_send_from_abroad(
    stub: Stubs, operator: Any
) -> None:
    made = await create(operator)
    key = await make_key(operator, made.instance_id)
    away = pb.Instance(instance_id=made.instance_id, country="GB")
    home = pb.Instance(instance_id=made.instance_id, country="US")
    for _ in range(10):
        await set_enabled(stub, key, False)
        outcomes = await asyncio.gather(
            update(operator, away, "country"),
            set_enabled(stub, key, True),
            return_exceptions=True,
        )
        for each in outcomes:
            if isinstance(each, grpc.aio.AioRpcError):
                assert each.code() is Code.FAILED_PRECONDITION
        found = await get(operator, made.instance_id)
        assert found.sms_available or not found.sms_enabled
        await update(operator, home, "country")


async def test_all_that_is_wrong_with_an_update_is_said_at_once(operator: Any) -> None:
    wrong = pb.Instance(instance_id="x", etag="x")
    request = pb.UpdateInstanceRequest(
        instance=wrong,
        update_mask=FieldMask(paths=["name", "country", "data_center", "currency"]),
    )
    refused = await failure(operator.UpdateInstance(request))
    assert refused.violations.keys() == {
        *(f"instance.{field}" for field in ("instance_id", "name", "country", "data_center")),
        "instance.etag",
        "update_mask",
    }


@pytest.mark.parametrize("of_platform", [False, True])
async def test_there_is_no_such_instance_as_an_unknown_one_or_the_platforms_own(
    operator: Any, pool: Pool, of_platform: bool
) -> None:
    platform = await pool.fetchval("SELECT id FROM instance WHERE platform")
    wanted = str(platform) if of_platform else "01900000-0000-7000-8000-000000000000"
    for call in (
        get(operator, wanted),
        update(operator, pb.Instance(instance_id=wanted, name="Mine"), "name"),
        make_key(operator, wanted),
    ):
        told = await failure(call)
        assert (told.code, told.reason) == (Code.NOT_FOUND, "INSTANCE_NOT_FOUND")
        assert told.metadata == {"id": wanted}
    assert await pool.fetchval("SELECT count(*) FROM api_key") == 2


async def test_what_is_wrong_with_a_first_key_is_said_at_once(operator: Any) -> None:
    told = await failure(make_key(operator, "x", " "))
    assert told.violations.keys() == {"instance_id", "name"}


async def test_only_the_operators_keys_manage_instances(
    stub: Stubs, operator_key: str, instance: Tenant
) -> None:
    platform = stub(AccessStub, operator_key)
    manager = await make_key_with(platform, PERMISSION_MANAGE_INSTANCES, name="Manager")
    other = await make_key_with(platform, PERMISSION_MANAGE_ACCESS, name="Other")
    request = pb.ListInstancesRequest()
    for key in (operator_key, manager):
        assert len((await stub(InstancesStub, key).ListInstances(request)).instances) == 1
    for key in (other, instance.key):
        told = await failure(stub(InstancesStub, key).ListInstances(request))
        assert (told.code, told.metadata) == (
            Code.PERMISSION_DENIED,
            {"permission": "MANAGE_INSTANCES"},
        )
        assert "create-operator-key" in told.message


async def test_a_manager_who_was_just_revoked_makes_no_key_of_a_tenant(
    stub: Stubs, operator_key: str, instance: Tenant, pool: Pool
) -> None:
    platform = stub(AccessStub, operator_key)
    role = await add_role(platform, "Manager", PERMISSION_MANAGE_INSTANCES)
    made = await add_key(platform, role.role_id)
    theirs = stub(InstancesStub, made.secret)
    await theirs.ListInstances(pb.ListInstancesRequest())
    revoke = access_pb2.RevokeApiKeyRequest(api_key_id=made.api_key.api_key_id)
    await platform.RevokeApiKey(revoke)
    told = await failure(make_key(theirs, str(instance.instance.id)))
    assert (told.code, told.reason) == (Code.UNAUTHENTICATED, "API_KEY_INVALID")
    keys = "SELECT count(*) FROM api_key WHERE instance_id = $1"
    assert await pool.fetchval(keys, instance.instance.id) == 1


async def test_the_platforms_own_instance_is_empty_and_cannot_send(
    stub: Stubs, operator_key: str, instance: Tenant
) -> None:
    companies = await stub(DirectoryStub, operator_key).ListCompanies(
        directory_pb2.ListCompaniesRequest()
    )
    assert not companies.companies
    refused = await failure(set_enabled(stub, operator_key, True))
    assert (refused.code, refused.reason) == (Code.FAILED_PRECONDITION, "SMS_NOT_AVAILABLE")
    told = await failure(create_mass_message(stub(MassMessagesStub, operator_key), spec()))
    assert told.code is Code.FAILED_PRECONDITION
    role = await first_role(stub(AccessStub, operator_key))
    assert role.super_admin


async def test_there_is_one_platform_however_many_keys_are_made_at_once(pool: Pool) -> None:
    keys = await asyncio.gather(*(make_operator_key(pool) for _ in range(10)))
    assert len(set(keys)) == 10
    assert await pool.fetchval("SELECT count(*) FROM instance WHERE platform") == 1
    assert await pool.fetchval("SELECT count(*) FROM role") == 1
    assert await pool.fetchval("SELECT count(*) FROM api_key") == 10


async def test_a_country_left_behind_takes_nothing_that_a_role_was_given(
    stub: Stubs, operator: Any
) -> None:
    made = await create(operator)
    key = await make_key(operator, made.instance_id)
    access = stub(AccessStub, key)
    role = await add_role(access, "Sender", PERMISSION_CREATE_SMS_MESSAGE)
    await set_enabled(stub, key, False)
    await update(operator, pb.Instance(instance_id=made.instance_id, country="GB"), "country")
    assert (await access.ListRoles(access_pb2.ListRolesRequest())).roles[1] == role

    renamed = access_pb2.UpdateRoleRequest(
        role=access_pb2.Role(role_id=role.role_id, name="Former sender"),
        update_mask=FieldMask(paths=["name"]),
    )
    kept = (await access.UpdateRole(renamed)).role
    assert list(kept.permissions) == [PERMISSION_CREATE_SMS_MESSAGE]
    again = access_pb2.UpdateRoleRequest(role=kept, update_mask=FieldMask(paths=["permissions"]))
    refused = await failure(access.UpdateRole(again))
    assert refused.violations.keys() == {"role.permissions[0]"}
