"""The real server on the test's own database, two tenants, and stubs.

`stub(AccessStub)` is a stub with the super-admin's key of `instance`; `stub(AccessStub, key=...)`
one with another key, and `key=""` one without a key.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from outbound_sms.store.pool import Pool
from outboundsms.v1.billing_pb2_grpc import BillingStub
from tests.factories import Isp
from tests.paid_texts import PaidTexts, paid_texts
from tests.services.running import (
    Running,
    Stubs,
    Tenant,
    make_operator_key,
    make_tenant,
    run_server,
)


@pytest.fixture
async def server(pool: Pool) -> AsyncIterator[Running]:
    """All services, with the published limits; carriers `sandbox` and `spare` are configured."""
    async with run_server(pool) as running:
        yield running


@pytest.fixture
async def instance(pool: Pool) -> Tenant:
    """A tenant in the US."""
    return await make_tenant(pool)


@pytest.fixture
async def other_instance(pool: Pool) -> Tenant:
    """Another tenant, of whom the first must not see anything."""
    return await make_tenant(pool, "Other Utility")


@pytest.fixture
async def operator_key(pool: Pool) -> str:
    """A key of the platform operator."""
    return await make_operator_key(pool)


@pytest.fixture
async def stub(server: Running, instance: Tenant) -> AsyncIterator[Stubs]:
    """Makes stubs of any service."""
    stubs = Stubs(server.address, instance.key)
    yield stubs
    await stubs.close()


@pytest.fixture
def billing(stub: Stubs) -> Any:
    """A stub of Billing with the super-admin's key of `instance`."""
    return stub(BillingStub)


@pytest.fixture
async def texts(pool: Pool, isp: Isp) -> PaidTexts:
    """Adds texts of `isp`, which the test's own module makes."""
    return await paid_texts(pool, isp)
