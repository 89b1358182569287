"""How an instance sends: its settings, and its sending numbers."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from outbound_sms.domain.errors import Violations
from outbound_sms.domain.sms_availability import sms_available, unavailable
from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.fields import parse_etag, parse_id, read_mask
from outbound_sms.rpc.once import ACQUIRE_TIMEOUT, Once
from outbound_sms.rpc.pages import Pages
from outbound_sms.services import sending_number_fields, settings_fields
from outbound_sms.services.paging import read_page
from outbound_sms.services.quiet_hours_fields import show_quiet_hours
from outbound_sms.services.settings_limits import SendingLimitMethods
from outbound_sms.store import sending_numbers, settings
from outbound_sms.store.pool import Connection, Pool
from outboundsms.v1 import settings_pb2, settings_pb2_grpc


class Settings(SendingLimitMethods, settings_pb2_grpc.SettingsServicer):
    """Serves `outboundsms.v1.Settings`.

    `carriers` are the names that the operator configured. `wake` tells the dispatcher that what it
    held may go out.
    """

    def __init__(
        self,
        pool: Pool,
        pages: Pages,
        once: Once,
        carriers: frozenset[str],
        wake: Callable[[], None],
    ) -> None:
        self._pool = pool
        self._pages = pages
        self._once = once
        self._carriers = carriers
        self._wake = wake

    async def GetSmsSettings(
        self, request: settings_pb2.GetSmsSettingsRequest, context: Any
    ) -> settings_pb2.GetSmsSettingsResponse:
        found = await settings.get_sms_settings(self._pool, current_caller().instance_id)
        return settings_pb2.GetSmsSettingsResponse(settings=settings_fields.show(found))

    async def UpdateSmsSettings(
        self, request: settings_pb2.UpdateSmsSettingsRequest, context: Any
    ) -> settings_pb2.UpdateSmsSettingsResponse:
        violations = Violations()
        mask = read_mask(violations, request.update_mask, settings_fields.CHANGEABLE)
        version = parse_etag(violations, request.settings.etag, "settings.etag")
        change = settings_fields.read_change(violations, request.settings, mask)
        violations.raise_if_any()
        instance_id = current_caller().instance_id
        if change.enabled:
            await self._check_available(instance_id)
        updated = await settings.update_sms_settings(self._pool, instance_id, version, change)
        self._wake()
        return settings_pb2.UpdateSmsSettingsResponse(settings=settings_fields.show(updated))

    async def GetQuietHours(
        self, request: settings_pb2.GetQuietHoursRequest, context: Any
    ) -> settings_pb2.GetQuietHoursResponse:
        found = await settings.get_sms_settings(self._pool, current_caller().instance_id)
        shown = show_quiet_hours(found.quiet_hours, found.time_zone, found.read_time)
        return settings_pb2.GetQuietHoursResponse(quiet_hours=shown)

    async def CreateSendingNumber(
        self, request: settings_pb2.CreateSendingNumberRequest, context: Any
    ) -> settings_pb2.CreateSendingNumberResponse:
        instance_id = current_caller().instance_id
        fields = sending_number_fields.read_new(request.sending_number, self._carriers)

        async def work(connection: Connection) -> settings_pb2.CreateSendingNumberResponse:
            made = await sending_numbers.create_sending_number(
                connection,
                instance_id,
                e164=fields.e164,
                carrier=fields.carrier,
                segments_per_second=fields.segments_per_second,
                keyword_replies=fields.keyword_replies,
                is_default=fields.is_default,
                enabled=fields.enabled,
                routes=fields.routes,
            )
            shown = sending_number_fields.show(made)
            return settings_pb2.CreateSendingNumberResponse(sending_number=shown)

        return await self._once.run(request, settings_pb2.CreateSendingNumberResponse, work)

    async def ListSendingNumbers(
        self, request: settings_pb2.ListSendingNumbersRequest, context: Any
    ) -> settings_pb2.ListSendingNumbersResponse:
        instance_id = current_caller().instance_id
        found, token = await read_page(
            self._pages,
            request,
            partial(sending_numbers.list_sending_numbers, self._pool, instance_id),
        )
        shown = [sending_number_fields.show(number) for number in found]
        return settings_pb2.ListSendingNumbersResponse(sending_numbers=shown, next_page_token=token)

    async def UpdateSendingNumber(
        self, request: settings_pb2.UpdateSendingNumberRequest, context: Any
    ) -> settings_pb2.UpdateSendingNumberResponse:
        given, violations = request.sending_number, Violations()
        number_id = parse_id(
            violations, "sending_number.sending_number_id", given.sending_number_id
        )
        mask = read_mask(violations, request.update_mask, sending_number_fields.CHANGEABLE)
        version = parse_etag(violations, given.etag, "sending_number.etag")
        change = sending_number_fields.read_change(violations, given, mask, self._carriers)
        violations.raise_if_any()
        assert number_id is not None
        async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT) as connection:
            updated = await sending_numbers.update_sending_number(
                connection, current_caller().instance_id, number_id, version, change
            )
        self._wake()
        shown = sending_number_fields.show(updated)
        return settings_pb2.UpdateSendingNumberResponse(sending_number=shown)

    async def _check_available(self, instance_id: UUID) -> None:
        """Raises WrongState (SMS_NOT_AVAILABLE), with the reason, where sending cannot be on."""
        found = await settings.get_sms_settings(self._pool, instance_id)
        where = (found.country, found.data_center, found.platform)
        if not sms_available(*where):
            raise unavailable(*where)
