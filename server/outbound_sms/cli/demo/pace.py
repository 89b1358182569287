"""The pace of the demonstration's send: slow enough to see it, and to reply in the middle."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from google.protobuf.field_mask_pb2 import FieldMask

from outbound_sms.cli.demo.step import DemoFailed
from outbound_sms.cli.names import LARGEST_PAGE, pages
from outboundsms import Client
from outboundsms.v1 import settings_pb2

SHORTEST_SECONDS = 6.0


async def default_sending_number(client: Client) -> settings_pb2.SendingNumber:
    """The number that texts go out from. Raises DemoFailed when there is none."""
    request = settings_pb2.ListSendingNumbersRequest(page_size=LARGEST_PAGE)
    async for page in pages(client.settings.ListSendingNumbers, request):
        for each in page.sending_numbers:
            if each.is_default:
                return each
    raise DemoFailed("There is no default sending number.")


@asynccontextmanager
async def paced(
    client: Client, number: settings_pb2.SendingNumber, segments: int
) -> AsyncIterator[None]:
    """Lowers the rate of `number` until the block ends, so far that so many carrier segments take
    `SHORTEST_SECONDS`. Where they do anyway, nothing is changed."""
    slow = max(1.0, segments / SHORTEST_SECONDS)
    if number.segments_per_second <= slow:
        yield
        return
    await _set_rate(client, number, slow)
    try:
        yield
    finally:
        await _set_rate(client, number, number.segments_per_second)


async def _set_rate(client: Client, number: settings_pb2.SendingNumber, rate: float) -> None:
    wanted = settings_pb2.SendingNumber(
        sending_number_id=number.sending_number_id, segments_per_second=rate
    )
    await client.settings.UpdateSendingNumber(
        settings_pb2.UpdateSendingNumberRequest(
            sending_number=wanted, update_mask=FieldMask(paths=["segments_per_second"])
        )
    )
