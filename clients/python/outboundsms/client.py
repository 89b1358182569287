"""The client: one channel to the service, and one stub for each of its services."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

import grpc
import grpc.aio

from outboundsms.balance import watch_balance
from outboundsms.calls import interceptors
from outboundsms.fire import AnsweredEvent, Events, fire_all, trigger_event
from outboundsms.interruption import OnInterruption
from outboundsms.policy import service_config
from outboundsms.progress import watch_mass_message
from outboundsms.v1 import billing_pb2, mass_messages_pb2, triggers_pb2
from outboundsms.v1.access_pb2_grpc import AccessStub
from outboundsms.v1.billing_pb2_grpc import BillingStub
from outboundsms.v1.contacts_pb2_grpc import ContactsStub
from outboundsms.v1.delivery_pb2_grpc import DeliveryStub
from outboundsms.v1.directory_pb2_grpc import DirectoryStub
from outboundsms.v1.instances_pb2_grpc import InstancesStub
from outboundsms.v1.mass_messages_pb2_grpc import MassMessagesStub
from outboundsms.v1.price_lists_pb2_grpc import PriceListsStub
from outboundsms.v1.settings_pb2_grpc import SettingsStub
from outboundsms.v1.signatures_pb2_grpc import SignaturesStub
from outboundsms.v1.triggers_pb2_grpc import TriggersStub
from outboundsms.watch import MessageWatch, SaveCursor, Start

if TYPE_CHECKING:
    from outboundsms.v1.access_pb2_grpc import AccessAsyncStub
    from outboundsms.v1.billing_pb2_grpc import BillingAsyncStub
    from outboundsms.v1.contacts_pb2_grpc import ContactsAsyncStub
    from outboundsms.v1.delivery_pb2_grpc import DeliveryAsyncStub
    from outboundsms.v1.directory_pb2_grpc import DirectoryAsyncStub
    from outboundsms.v1.instances_pb2_grpc import InstancesAsyncStub
    from outboundsms.v1.mass_messages_pb2_grpc import MassMessagesAsyncStub
    from outboundsms.v1.price_lists_pb2_grpc import PriceListsAsyncStub
    from outboundsms.v1.settings_pb2_grpc import SettingsAsyncStub
    from outboundsms.v1.signatures_pb2_grpc import SignaturesAsyncStub
    from outboundsms.v1.triggers_pb2_grpc import TriggersAsyncStub

# The server closes connections that ping more often than every 10 s.
KEEPALIVE_MS = 30_000
KEEPALIVE_TIMEOUT_MS = 10_000


@dataclass(frozen=True, slots=True)
class Tls:
    """How to encrypt. All three are PEM.

    `root_certificates`: whom to trust; None trusts what gRPC brings. `private_key` and
    `certificate_chain`: to show the server who calls, where it asks for that; both or neither.
    """

    root_certificates: bytes | None = None
    private_key: bytes | None = field(default=None, repr=False)
    certificate_chain: bytes | None = None


class Client:
    """Calls to one instance of Outbound SMS; made by `connect`, closed by `async with`.

    Every service is an attribute with the methods of the contract. Calls raise `OutboundSmsError`.
    A call may take 30 seconds, or the `timeout` that it is given. Reads and calls with a
    `request_id` or an `event_key` are repeated when the server cannot be reached; an empty
    `request_id` is filled in for that, except for `mass_messages.CreateMassMessage`, where it must
    be your own.
    """

    access: "AccessAsyncStub"
    billing: "BillingAsyncStub"
    contacts: "ContactsAsyncStub"
    delivery: "DeliveryAsyncStub"
    directory: "DirectoryAsyncStub"
    instances: "InstancesAsyncStub"
    mass_messages: "MassMessagesAsyncStub"
    price_lists: "PriceListsAsyncStub"
    settings: "SettingsAsyncStub"
    signatures: "SignaturesAsyncStub"
    triggers: "TriggersAsyncStub"

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Takes over a channel that sends the API key by itself, such as `connect` makes."""
        self._channel = channel
        self.access = AccessStub(channel)
        self.billing = BillingStub(channel)
        self.contacts = ContactsStub(channel)
        self.delivery = DeliveryStub(channel)
        self.directory = DirectoryStub(channel)
        self.instances = InstancesStub(channel)
        self.mass_messages = MassMessagesStub(channel)
        self.price_lists = PriceListsStub(channel)
        self.settings = SettingsStub(channel)
        self.signatures = SignaturesStub(channel)
        self.triggers = TriggersStub(channel)

    def watch_messages(
        self,
        *,
        cursor: str = "",
        start: Start = Start.NOW,
        mass_message_id: str = "",
        save_cursor: SaveCursor | None = None,
        on_interruption: OnInterruption | None = None,
    ) -> MessageWatch:
        """Every change of status as it happens, across interruptions; see `MessageWatch`."""
        return MessageWatch(
            self.delivery,
            cursor=cursor,
            start=start,
            mass_message_id=mass_message_id,
            save_cursor=save_cursor,
            on_interruption=on_interruption,
        )

    def watch_mass_message(
        self, mass_message_id: str, *, on_interruption: OnInterruption | None = None
    ) -> AsyncGenerator[mass_messages_pb2.MassMessage, None]:
        """The progress of a mass message to its end, across interruptions."""
        return watch_mass_message(
            self.mass_messages, mass_message_id, on_interruption=on_interruption
        )

    def watch_balance(
        self, *, on_interruption: OnInterruption | None = None
    ) -> AsyncGenerator[billing_pb2.WatchBalanceResponse, None]:
        """The balance as it stands, then at each change, across interruptions, without an end."""
        return watch_balance(self.billing, on_interruption=on_interruption)

    async def fire(
        self,
        trigger_type: str,
        event_key: str,
        *,
        account_number: str = "",
        account_id: str = "",
        count: int | None = None,
        job_type: str = "",
        variables: Mapping[str, str] | None = None,
        expire_time: datetime | None = None,
    ) -> triggers_pb2.FireResult:
        """Tells that an event happened to an account; the arguments are those of `trigger_event`.

        Repeated when the server cannot be reached, which `event_key` makes safe. When that does not
        help either, call it again later with the same key.
        """
        event = trigger_event(
            trigger_type,
            event_key,
            account_number=account_number,
            account_id=account_id,
            count=count,
            job_type=job_type,
            variables=variables,
            expire_time=expire_time,
        )
        request = triggers_pb2.FireTriggerRequest(event=event)
        return (await self.triggers.FireTrigger(request)).result

    def fire_all(
        self, events: Events, *, on_interruption: OnInterruption | None = None
    ) -> AsyncGenerator[AnsweredEvent, None]:
        """Fires a stream of events, across interruptions; see `outboundsms.fire.fire_all`."""
        return fire_all(self.triggers, events, on_interruption=on_interruption)

    async def ready(self) -> None:
        """Returns when a connection is up, however long that takes: use `asyncio.timeout`."""
        await self._channel.channel_ready()

    async def close(self) -> None:
        """Ends all calls and closes the connection."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def connect(target: str, api_key: str, *, tls: Tls | bool = False) -> Client:
    """A client of the service at `target`, for example `sms.example.net:443`.

    The connection is made by the first call. `tls`: True to encrypt with the usual certificate
    authorities, a `Tls` to say more, False only where nobody else can listen, since the key is sent
    with each call. Call it while the event loop that will use the client is running.
    """
    options = channel_options()
    calls = interceptors(api_key)
    if tls is False:
        return Client(grpc.aio.insecure_channel(target, options=options, interceptors=calls))
    given = Tls() if tls is True else tls
    credentials = grpc.ssl_channel_credentials(
        given.root_certificates, given.private_key, given.certificate_chain
    )
    return Client(grpc.aio.secure_channel(target, credentials, options, interceptors=calls))


def channel_options() -> list[tuple[str, str | int]]:
    """Notices a dead server within 40 s, reconnects within 2 s, repeats what is safe to repeat."""
    return [
        ("grpc.service_config", service_config()),
        ("grpc.service_config_disable_resolution", 1),
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        # Without this one a dead peer is noticed after 60 s, whatever the time-out above says.
        ("grpc.http2.ping_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.min_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", 2_000),
    ]
