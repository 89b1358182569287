"""The tenants of the service, for the platform operator."""

from dataclasses import replace
from functools import partial
from typing import Any

from outbound_sms.domain.api_key import make_key
from outbound_sms.domain.errors import Violations
from outbound_sms.domain.ledger import LONGEST_NOTE, MAX_ADJUSTMENT_MICROS
from outbound_sms.domain.sms_availability import unavailable
from outbound_sms.domain.text_field import check_text
from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.fields import parse_etag, read_mask
from outbound_sms.rpc.once import Once
from outbound_sms.rpc.pages import Pages
from outbound_sms.services import instance_fields
from outbound_sms.services.access_fields import read_key_name
from outbound_sms.services.access_rights import lock_access
from outbound_sms.services.billing_fields import show_balance
from outbound_sms.services.instance_ids import known_tenant, read_instance_id
from outbound_sms.services.instance_limits import InstanceLimitMethods
from outbound_sms.services.missing import check_etag
from outbound_sms.services.paging import read_page
from outbound_sms.store import api_keys, balances, instances, roles
from outbound_sms.store.pool import Connection, Pool
from outboundsms.v1 import instances_pb2 as pb
from outboundsms.v1 import instances_pb2_grpc

MANAGE_INSTANCES = "MANAGE_INSTANCES"


class Instances(InstanceLimitMethods, instances_pb2_grpc.InstancesServicer):
    """Serves `outboundsms.v1.Instances`. Its pool and `once` must see every instance's rows."""

    def __init__(self, pool: Pool, pages: Pages, once: Once) -> None:
        self._pool = pool
        self._pages = pages
        self._once = once

    async def CreateInstance(
        self, request: pb.CreateInstanceRequest, context: Any
    ) -> pb.CreateInstanceResponse:
        values = instance_fields.read_new(request.instance)

        async def work(db: Connection) -> pb.CreateInstanceResponse:
            made = await instances.create_instance(db, values)
            return pb.CreateInstanceResponse(instance=instance_fields.show(made))

        return await self._once.run(request, pb.CreateInstanceResponse, work)

    async def GetInstance(
        self, request: pb.GetInstanceRequest, context: Any
    ) -> pb.GetInstanceResponse:
        instance_id = read_instance_id(Violations(), "instance_id", request.instance_id)
        found = await instances.get_instance(self._pool, instance_id)
        tenant = known_tenant(found, instance_id)
        return pb.GetInstanceResponse(instance=instance_fields.show(tenant))

    async def ListInstances(
        self, request: pb.ListInstancesRequest, context: Any
    ) -> pb.ListInstancesResponse:
        fetch = partial(instances.list_instances, self._pool)
        found, token = await read_page(self._pages, request, fetch)
        shown = map(instance_fields.show, found)
        return pb.ListInstancesResponse(instances=shown, next_page_token=token)

    async def UpdateInstance(
        self, request: pb.UpdateInstanceRequest, context: Any
    ) -> pb.UpdateInstanceResponse:
        given, violations = request.instance, Violations()
        mask = read_mask(violations, request.update_mask, instance_fields.CHANGEABLE)
        etag = parse_etag(violations, given.etag, "instance.etag")
        change = instance_fields.read_change(violations, given, mask)
        instance_id = read_instance_id(violations, "instance.instance_id", given.instance_id)

        async def work(db: Connection) -> pb.UpdateInstanceResponse:
            found = await instances.lock_instance(db, instance_id)
            stored = known_tenant(found, instance_id)
            check_etag(etag, stored.version)
            values = replace(stored.values, **change)
            if stored.sms_enabled and not values.sms_available:
                raise unavailable(values.country, values.data_center, platform=False)
            updated = await instances.update_instance(db, instance_id, values)
            return pb.UpdateInstanceResponse(instance=instance_fields.show(updated))

        return await self._once.run(request, pb.UpdateInstanceResponse, work)

    async def AdjustBalance(
        self, request: pb.AdjustBalanceRequest, context: Any
    ) -> pb.AdjustBalanceResponse:
        violations, amount = Violations(), request.amount_micros
        if amount == 0:
            violations.add("amount_micros", "is 0; give what to add, negative to take")
        elif abs(amount) > MAX_ADJUSTMENT_MICROS:
            violations.add(
                "amount_micros",
                f"is too much; give at most {MAX_ADJUSTMENT_MICROS:,} micros either way",
            )
        note = check_text(violations, "note", request.note, required=True, longest=LONGEST_NOTE)
        instance_id = read_instance_id(violations, "instance_id", request.instance_id)

        async def work(db: Connection) -> pb.AdjustBalanceResponse:
            known_tenant(await instances.get_instance(db, instance_id), instance_id)
            await balances.adjust_balance(db, instance_id, amount, note)
            adjusted = await balances.get_balance(db, instance_id)
            return pb.AdjustBalanceResponse(balance=show_balance(adjusted))

        return await self._once.run(request, pb.AdjustBalanceResponse, work)

    async def CreateInstanceApiKey(
        self, request: pb.CreateInstanceApiKeyRequest, context: Any
    ) -> pb.CreateInstanceApiKeyResponse:
        violations = Violations()
        name = read_key_name(violations, "name", request.name)
        instance_id = read_instance_id(violations, "instance_id", request.instance_id)
        caller, secret = current_caller(), make_key()

        async def work(db: Connection) -> pb.CreateInstanceApiKeyResponse:
            await lock_access(db, caller, instance_id, MANAGE_INSTANCES)
            known_tenant(await instances.get_instance(db, instance_id), instance_id)
            role = await roles.get_first_role(db, instance_id)
            assert role is not None
            made = await api_keys.create_api_key(db, instance_id, role.id, name, secret)
            return pb.CreateInstanceApiKeyResponse(api_key_id=str(made.id))

        answer = await self._once.run(request, pb.CreateInstanceApiKeyResponse, work)
        answer.secret = secret.text
        return answer
