"""What the connections of carriers bring: receipts and texts, each stored before it is answered."""

from outbound_sms.carriers.carrier import Inbound, NotTaken, Receipt, Submitted
from outbound_sms.inbox.receipts import ReceiptInbox
from outbound_sms.inbox.texts import TextInbox
from outbound_sms.store.pool import DATABASE_FAILURES


class ReceivedArrivals:
    """`carriers.carrier.Arrivals`, on the inboxes that callbacks use too."""

    def __init__(self, receipts: ReceiptInbox, texts: TextInbox) -> None:
        self._receipts = receipts
        self._texts = texts

    async def receipt(self, carrier: str, receipt: Receipt, submitted: Submitted | None) -> None:
        """Returns when the receipt is durable, also when it says nothing that is kept."""
        try:
            await self._receipts.put_by_carrier_id(carrier, receipt, submitted)
        except DATABASE_FAILURES as error:
            raise NotTaken(type(error).__name__) from error

    async def text(self, carrier: str, inbound: Inbound) -> None:
        """Returns when what the text says has been done for good."""
        try:
            await self._texts.take(carrier, inbound)
        except DATABASE_FAILURES as error:
            raise NotTaken(type(error).__name__) from error
