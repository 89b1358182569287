"""The catalogue of trigger types."""

from typing import Any

from outbound_sms.services import trigger_catalogue_fields
from outboundsms.v1 import triggers_pb2 as pb


class TriggerCatalogue:
    """The part of `outboundsms.v1.Triggers` about what can happen to an account."""

    async def ListTriggerTypes(
        self, request: pb.ListTriggerTypesRequest, context: Any
    ) -> pb.ListTriggerTypesResponse:
        return pb.ListTriggerTypesResponse(trigger_types=trigger_catalogue_fields.show_all())
