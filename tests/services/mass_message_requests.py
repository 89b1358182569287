"""Requests about mass messages, with what most of them have in common."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from outboundsms.v1 import mass_messages_pb2 as pb


def spec(**fields: Any) -> pb.MassMessageSpec:
    """An unplanned outage that began an hour ago, to every account, unless told otherwise."""
    values: dict[str, Any] = {
        "saved_message": "UNPLANNED_OUTAGE_NO_ETA",
        "outage_start_time": datetime.now(UTC) - timedelta(hours=1),
        "audience": pb.Audience(all_accounts=True),
        **fields,
    }
    return pb.MassMessageSpec(**values)


async def preview(stub: Any, given: pb.MassMessageSpec) -> pb.PreviewMassMessageResponse:
    request = pb.PreviewMassMessageRequest(spec=given)
    answer: pb.PreviewMassMessageResponse = await stub.PreviewMassMessage(request)
    return answer


async def create(
    stub: Any, given: pb.MassMessageSpec, request_id: str | None = None
) -> pb.MassMessage:
    request = pb.CreateMassMessageRequest(
        spec=given, request_id=str(uuid4()) if request_id is None else request_id
    )
    made: pb.MassMessage = (await stub.CreateMassMessage(request)).mass_message
    return made


async def get(stub: Any, mass_message_id: str) -> pb.MassMessage:
    request = pb.GetMassMessageRequest(mass_message_id=mass_message_id)
    found: pb.MassMessage = (await stub.GetMassMessage(request)).mass_message
    return found
