"""STOP in the middle of the demonstration's send, and START when everything has been seen."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from outbound_sms.carriers.sandbox.recipients import is_ordinary
from outbound_sms.cli.demo.correspondence import (
    check_stopped,
    show_answer,
    show_consent,
    show_texts,
    texts_after_replies,
)
from outbound_sms.cli.demo.handset import Handset
from outbound_sms.cli.demo.step import DemoFailed, title
from outbound_sms.cli.output import plain_line
from outboundsms import Client
from outboundsms.v1 import delivery_pb2, mass_messages_pb2

POLL_SECONDS = 0.05
LONGEST_WAIT = 15.0
CANDIDATES = 200


@dataclass(frozen=True, slots=True)
class Stopped:
    """Two subscribers who replied STOP, by their numbers: one had the text, the other waited for
    it."""

    reached: str
    waiting: str

    @property
    def numbers(self) -> tuple[str, str]:
        """Of both."""
        return self.reached, self.waiting


class Stop:
    """What two subscribers text back to `sender`, E.164, amid a send of `spec` and after it."""

    def __init__(
        self,
        client: Client,
        handset: Handset,
        sender: str,
        spec: mass_messages_pb2.MassMessageSpec,
    ) -> None:
        self._client = client
        self._handset = handset
        self._sender = sender
        self._spec = spec
        self._stopped: Stopped | None = None

    @asynccontextmanager
    async def amid(self, mass_message_id: str) -> AsyncIterator[None]:
        """They reply while the block shows the send. Raises DemoFailed when that is not taken."""
        replying = asyncio.create_task(self._reply(mass_message_id))
        try:
            yield
            self._stopped = await replying
        finally:
            replying.cancel()
            await asyncio.gather(replying, return_exceptions=True)

    async def show(self, mass_message_id: str) -> None:
        """What came of it, then they reply START, and what comes of that.

        Raises DemoFailed when one was texted after STOP, or cannot be texted after START.
        """
        if self._stopped is None:
            plain_line("Nobody could reply STOP in time: all texts were handed over at once.")
            return
        stopped = self._stopped
        title("Two subscribers have replied STOP")
        texts = await texts_after_replies(self._client, stopped.numbers, 1, mass_message_id)
        show_texts(texts)
        check_stopped(texts, reached=stopped.reached, waiting=stopped.waiting)
        await show_answer(self._client, texts)
        without = await self._recipients()
        plain_line(f"The next text would reach {without:,} recipients, and neither of them.")
        title("They reply START")
        for number in stopped.numbers:
            await self._handset.text(number, self._sender, "START")
        texts = await texts_after_replies(self._client, stopped.numbers, 2, mass_message_id)
        show_texts(texts)
        await show_answer(self._client, texts)
        await show_consent(self._client, stopped.waiting)
        again = await self._recipients()
        plain_line(f"The next text would reach {again:,} recipients, and both of them.")
        if again != without + len(stopped.numbers):
            raise DemoFailed("STOP should have taken two recipients away, and START given back.")

    async def _reply(self, mass_message_id: str) -> Stopped | None:
        """None when everything was handed over before anybody could reply."""
        reached = await self._somebody(mass_message_id, delivery_pb2.MESSAGE_STATUS_DELIVERED)
        waiting = await self._somebody(mass_message_id, delivery_pb2.MESSAGE_STATUS_PENDING)
        if reached is None or waiting is None:
            return None
        for number, why, text in (
            (reached, "has got the text", "STOP"),
            (waiting, "still waits for it", "Please stop texting me"),
        ):
            await self._handset.text(number, self._sender, text)
            plain_line(f"{number} {why} and replies: {text}")
        return Stopped(reached, waiting)

    async def _somebody(
        self, mass_message_id: str, status: delivery_pb2.MessageStatus.ValueType
    ) -> str | None:
        """A number whose text has come so far, the last in the queue; None if there will be none.

        Not one that the sandbox fails on purpose: it shall get its confirmation.
        """
        request = delivery_pb2.ListMessagesRequest(
            page_size=CANDIDATES, mass_message_id=mass_message_id, statuses=[status]
        )
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LONGEST_WAIT
        while loop.time() < deadline:
            for each in (await self._client.delivery.ListMessages(request)).messages:
                if is_ordinary(each.phone_number):
                    return each.phone_number
            if await self._is_over(mass_message_id):
                return None
            await asyncio.sleep(POLL_SECONDS)
        return None

    async def _is_over(self, mass_message_id: str) -> bool:
        request = mass_messages_pb2.GetMassMessageRequest(mass_message_id=mass_message_id)
        answer = await self._client.mass_messages.GetMassMessage(request)
        return answer.mass_message.state == mass_messages_pb2.MASS_MESSAGE_STATE_FINISHED

    async def _recipients(self) -> int:
        request = mass_messages_pb2.PreviewMassMessageRequest(spec=self._spec)
        return (await self._client.mass_messages.PreviewMassMessage(request)).recipients
