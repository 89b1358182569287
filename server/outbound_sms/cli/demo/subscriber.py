"""Whom the demonstration texts about an event of the account: somebody whose number answers."""

from collections import Counter

from outbound_sms.cli.names import LARGEST_PAGE
from outboundsms import Client
from outboundsms.v1 import delivery_pb2, directory_pb2

CANDIDATES = 50


async def find_subscriber(client: Client, mass_message_id: str) -> directory_pb2.Account | None:
    """An account without a parent whose texts of the mass message were all delivered.

    One with a single text, where there is such an account; None when there is none at all.
    """
    request = delivery_pb2.ListMessagesRequest(
        page_size=LARGEST_PAGE, mass_message_id=mass_message_id
    )
    texts: Counter[str] = Counter()
    missed: set[str] = set()
    for each in (await client.delivery.ListMessages(request)).messages:
        account_id = each.related_entity.account_id
        texts[account_id] += 1
        if each.status != delivery_pb2.MESSAGE_STATUS_DELIVERED:
            missed.add(account_id)
    reached = [each for each in texts if each and each not in missed]
    for account_id in sorted(reached, key=texts.__getitem__)[:CANDIDATES]:
        answer = await client.directory.GetAccount(
            directory_pb2.GetAccountRequest(account_id=account_id)
        )
        if not answer.account.parent_account_number:
            return answer.account
    return None
