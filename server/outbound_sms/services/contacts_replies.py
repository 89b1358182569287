"""What people texted back that is no keyword."""

from functools import partial
from typing import Any

from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.fields import to_timestamp
from outbound_sms.rpc.pages import Pages
from outbound_sms.services.paging import read_page
from outbound_sms.store import inbound_messages
from outbound_sms.store.inbound_messages import UnclassifiedReply
from outbound_sms.store.pool import Pool
from outboundsms.v1 import contacts_pb2 as pb


class ReplyMethods:
    """The part of `outboundsms.v1.Contacts` about replies that somebody may want to read."""

    _pool: Pool
    _pages: Pages

    async def ListUnclassifiedReplies(
        self, request: pb.ListUnclassifiedRepliesRequest, context: Any
    ) -> pb.ListUnclassifiedRepliesResponse:
        instance_id = current_caller().instance_id
        fetch = partial(inbound_messages.list_unclassified, self._pool, instance_id)
        found, token = await read_page(self._pages, request, fetch)
        return pb.ListUnclassifiedRepliesResponse(
            replies=map(_show_reply, found), next_page_token=token
        )


def _show_reply(reply: UnclassifiedReply) -> pb.UnclassifiedReply:
    return pb.UnclassifiedReply(
        inbound_message_id=str(reply.id),
        number=reply.e164,
        sending_number_id=str(reply.sending_number_id),
        text=reply.body,
        contact_ids=map(str, reply.contact_ids),
        receive_time=to_timestamp(reply.receive_time),
    )
