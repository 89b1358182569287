"""The limits against fraud of the caller's instance, and the end of a pause."""

from collections.abc import Callable
from typing import Any

from outbound_sms.domain.sending_limits import SendingLimits, SendingUsage
from outbound_sms.rpc.caller import current_caller
from outbound_sms.services.sending_limit_fields import show_limits, show_usage
from outbound_sms.store import sending_limits
from outbound_sms.store.pool import Pool
from outboundsms.v1 import settings_pb2


class SendingLimitMethods:
    """Settings.GetSendingLimits and ResumeTriggeredMessages."""

    _pool: Pool
    _wake: Callable[[], None]

    async def GetSendingLimits(
        self, request: settings_pb2.GetSendingLimitsRequest, context: Any
    ) -> settings_pb2.GetSendingLimitsResponse:
        limits, usage = await self._read_limits()
        return settings_pb2.GetSendingLimitsResponse(
            limits=show_limits(limits), usage=show_usage(usage)
        )

    async def ResumeTriggeredMessages(
        self, request: settings_pb2.ResumeTriggeredMessagesRequest, context: Any
    ) -> settings_pb2.ResumeTriggeredMessagesResponse:
        await sending_limits.resume_triggered_messages(self._pool, current_caller().instance_id)
        self._wake()
        _, usage = await self._read_limits()
        return settings_pb2.ResumeTriggeredMessagesResponse(usage=show_usage(usage))

    async def _read_limits(self) -> tuple[SendingLimits, SendingUsage]:
        found = await sending_limits.get_sending_limits(self._pool, current_caller().instance_id)
        assert found is not None
        return found
