"""API keys: how they are made, what opens them, and that the database cannot tell one."""

import zlib
from datetime import UTC, datetime, timedelta

import grpc
import pytest

from outbound_sms.store.pool import Pool
from outboundsms.v1 import access_pb2 as pb
from outboundsms.v1.access_pb2_grpc import AccessStub
from tests.services.failures import failure
from tests.services.running import Stubs, Tenant

Code = grpc.StatusCode


async def test_all_that_is_wrong_with_a_key_is_said_at_once(stub: Stubs) -> None:
    key = pb.ApiKey(name=" ", role_id="{01a20705-c6ad-77e0-914e-3841ccde1c73}")
    key.expire_time.FromDatetime(datetime.now(UTC) - timedelta(seconds=1))
    refused = await failure(stub(AccessStub).CreateApiKey(pb.CreateApiKeyRequest(api_key=key)))
    assert refused.violations.keys() == {"api_key.name", "api_key.role_id", "api_key.expire_time"}
    key.expire_time.seconds = 2**62
    refused = await failure(stub(AccessStub).CreateApiKey(pb.CreateApiKeyRequest(api_key=key)))
    assert refused.violations["api_key.expire_time"].startswith("is not a time")


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
