"""The limits against fraud of any tenant, for the platform operator."""

from typing import Any

from outbound_sms.domain.errors import Violations
from outbound_sms.rpc.fields import parse_etag, read_mask
from outbound_sms.rpc.once import Once
from outbound_sms.services import sending_limit_fields
from outbound_sms.services.instance_ids import known_tenant, read_instance_id
from outbound_sms.services.missing import check_etag
from outbound_sms.store import instances, sending_limits
from outbound_sms.store.pool import Connection, Pool
from outboundsms.v1 import instances_pb2 as pb


class InstanceLimitMethods:
    """Instances.UpdateSendingLimits and GetInstanceSendingLimits."""

    _pool: Pool
    _once: Once

    async def UpdateSendingLimits(
        self, request: pb.UpdateSendingLimitsRequest, context: Any
    ) -> pb.UpdateSendingLimitsResponse:
        violations = Violations()
        mask = read_mask(violations, request.update_mask, sending_limit_fields.CHANGEABLE)
        etag = parse_etag(violations, request.limits.etag, "limits.etag")
        change = sending_limit_fields.read_change(violations, request.limits, mask)
        instance_id = read_instance_id(violations, "instance_id", request.instance_id)

        async def work(db: Connection) -> pb.UpdateSendingLimitsResponse:
            known_tenant(await instances.get_instance(db, instance_id), instance_id)
            updated = await sending_limits.update_sending_limits(db, instance_id, etag, change)
            found = await sending_limits.get_sending_limits(db, instance_id)
            assert found is not None
            if not updated:
                check_etag(etag, found[0].version)
            return pb.UpdateSendingLimitsResponse(limits=sending_limit_fields.show_limits(found[0]))

        return await self._once.run(request, pb.UpdateSendingLimitsResponse, work)

    async def GetInstanceSendingLimits(
        self, request: pb.GetInstanceSendingLimitsRequest, context: Any
    ) -> pb.GetInstanceSendingLimitsResponse:
        instance_id = read_instance_id(Violations(), "instance_id", request.instance_id)
        known_tenant(await instances.get_instance(self._pool, instance_id), instance_id)
        found = await sending_limits.get_sending_limits(self._pool, instance_id)
        assert found is not None
        return pb.GetInstanceSendingLimitsResponse(
            limits=sending_limit_fields.show_limits(found[0]),
            usage=sending_limit_fields.show_usage(found[1]),
        )
