"""The status callbacks: each message goes through its statuses in order, and each one is told.

A status is told only after the one before it was taken or given up, so the receiver sees them in
order for each message, as often as it must be told. Messages do not wait for each other.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from outbound_sms.carriers import signature
from outbound_sms.carriers.sandbox.config import SandboxConfig
from outbound_sms.carriers.sandbox.messages import Message
from outbound_sms.carriers.sandbox.recipients import Step


@dataclass(slots=True)
class _Journey:
    """A message on its way: the step it stands before, and how often that was told in vain."""

    message: Message
    steps: tuple[Step, ...]
    position: int = 0
    failures: int = 0


class CallbackSender:
    """Moves messages through their statuses with a fixed number of concurrent connections."""

    def __init__(self, config: SandboxConfig) -> None:
        self._config = config
        self._ready: asyncio.Queue[_Journey] = asyncio.Queue()
        self._workers: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self.travelling = 0
        self.told = 0
        self.abandoned = 0

    def start(self) -> None:
        """Opens the connections' pool and starts the workers, in the running event loop."""
        config = self._config
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=config.callback_connections),
            timeout=aiohttp.ClientTimeout(total=config.callback_timeout),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "User-Agent": "TwilioProxy/1.1",
            },
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._workers = [
            asyncio.create_task(self._work(self._session))
            for _ in range(config.callback_connections)
        ]

    async def close(self) -> None:
        """Stops at once; what was not told yet never is."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def follow(self, message: Message, steps: tuple[Step, ...]) -> None:
        """Takes an accepted message through its steps, the first one at once."""
        self.travelling += 1
        self._ready.put_nowait(_Journey(message, steps))

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while True:
            journey = await self._ready.get()
            message = journey.message
            status, error_code = journey.steps[journey.position]
            if journey.failures == 0:
                _set_status(message, status, error_code)
            if message.status_callback and not await self._tell(session, message):
                journey.failures += 1
                if journey.failures < self._config.callback_attempts:
                    backoff = self._config.callback_backoff * 2 ** (journey.failures - 1)
                    self._later(backoff, journey)
                    continue
                self.abandoned += 1
            self._step_on(journey)

    def _step_on(self, journey: _Journey) -> None:
        journey.position += 1
        journey.failures = 0
        if journey.position == len(journey.steps):
            self.travelling -= 1
        else:
            self._later(self._config.receipt_delay, journey)

    def _later(self, delay: float, journey: _Journey) -> None:
        if delay > 0:
            asyncio.get_running_loop().call_later(delay, self._ready.put_nowait, journey)
        else:
            self._ready.put_nowait(journey)

    async def _tell(self, session: aiohttp.ClientSession, message: Message) -> bool:
        url = message.status_callback or ""
        pairs = _form(self._config.account_sid, message)
        headers = {signature.HEADER: signature.sign(self._config.auth_token, url, pairs)}
        try:
            async with session.post(
                URL(url, encoded=True),
                data=urlencode(pairs).encode("ascii"),
                headers=headers,
                allow_redirects=False,
            ) as response:
                await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return False
        if not 200 <= response.status < 300:
            return False
        self.told += 1
        return True


def _set_status(message: Message, status: str, error_code: int | None) -> None:
    message.status = status
    message.error_code = error_code
    if status == "sent":
        message.sent = datetime.now(UTC)


def _form(account_sid: str, message: Message) -> list[tuple[str, str]]:
    pairs = [
        ("AccountSid", account_sid),
        ("ApiVersion", "2010-04-01"),
        ("From", message.sender),
        ("MessageSid", message.sid),
        ("MessageStatus", message.status),
        ("SmsSid", message.sid),
        ("SmsStatus", message.status),
        ("To", message.recipient),
    ]
    if message.error_code is not None:
        pairs.append(("ErrorCode", str(message.error_code)))
    if message.service_sid is not None:
        pairs.append(("MessagingServiceSid", message.service_sid))
    return pairs
