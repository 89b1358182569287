"""The composition root: what the parts are, and how they are put together."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from outbound_sms.feed.feed import Feed
from outbound_sms.rpc.once import Once
from outbound_sms.rpc.pages import Pages
from outbound_sms.rpc.server import Registration
from outbound_sms.services.access import Access
from outbound_sms.services.billing import Billing
from outbound_sms.services.contacts import Contacts
from outbound_sms.services.delivery import Delivery
from outbound_sms.services.directory import Directory
from outbound_sms.services.instances import Instances
from outbound_sms.services.mass_messages import MassMessages
from outbound_sms.services.price_lists import PriceLists
from outbound_sms.services.settings import Settings
from outbound_sms.services.signatures import Signatures
from outbound_sms.services.triggers import Triggers
from outbound_sms.store.pool import Pool
from outbound_sms.store.signing_keys import signing_key
from outboundsms.v1 import (
    access_pb2,
    access_pb2_grpc,
    billing_pb2,
    billing_pb2_grpc,
    contacts_pb2,
    contacts_pb2_grpc,
    delivery_pb2,
    delivery_pb2_grpc,
    directory_pb2,
    directory_pb2_grpc,
    instances_pb2,
    instances_pb2_grpc,
    mass_messages_pb2,
    mass_messages_pb2_grpc,
    price_lists_pb2,
    price_lists_pb2_grpc,
    settings_pb2,
    settings_pb2_grpc,
    signatures_pb2,
    signatures_pb2_grpc,
    triggers_pb2,
    triggers_pb2_grpc,
)


def _nothing_to_wake() -> None:
    """Without a dispatcher in this process, the others find new work by polling."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the services are made from.

    `pool` shows each call the rows of its caller's instance; `system` shows every instance's, for
    what belongs to none: keys, the feed, and the platform operator. `firing` is as `pool`, and
    plans as the queue does: what events make grows faster than statistics follow.
    `carrier_names` are the carriers that a sending number may have. `drain` is set when the server
    stops: streams then end by themselves. `feed` is to be entered before the server starts and left
    after it has stopped. `wake` tells the dispatcher of this process of new work,
    `wake_for_texts` of texts that are ready to go, which come much oftener, `wake_for_top_ups` of
    top-ups to charge. `payments`: whether a payment gateway is configured.
    """

    pool: Pool
    system: Pool
    firing: Pool
    pages: Pages
    once: Once
    feed: Feed
    drain: asyncio.Event = field(default_factory=asyncio.Event)
    carrier_names: frozenset[str] = frozenset()
    payments: bool = False
    wake: Callable[[], None] = _nothing_to_wake
    wake_for_texts: Callable[[], None] = _nothing_to_wake
    wake_for_top_ups: Callable[[], None] = _nothing_to_wake


async def make_parts(
    pool: Pool,
    system: Pool,
    *,
    drain: asyncio.Event,
    firing: Pool | None = None,
    carrier_names: frozenset[str] = frozenset(),
    payments: bool = False,
    wake: Callable[[], None] = _nothing_to_wake,
    wake_for_texts: Callable[[], None] = _nothing_to_wake,
    wake_for_top_ups: Callable[[], None] = _nothing_to_wake,
) -> Parts:
    """The parts on a migrated database, with its pools of the API's and the dispatcher's role.

    Without a pool for `firing`, events share the calls' one.
    """
    pages = Pages(await signing_key(system, "page_token"))
    feed = Feed(system, await signing_key(system, "cursor"), drain)
    once = Once(pool)
    return Parts(
        pool,
        system,
        firing or pool,
        pages,
        once,
        feed,
        drain=drain,
        carrier_names=carrier_names,
        payments=payments,
        wake=wake,
        wake_for_texts=wake_for_texts,
        wake_for_top_ups=wake_for_top_ups,
    )


def servicers(parts: Parts) -> list[Registration]:
    """Every service of the contract."""
    pool, pages, once = parts.pool, parts.pages, parts.once
    return [
        Registration(
            access_pb2.DESCRIPTOR.services_by_name["Access"],
            access_pb2_grpc.add_AccessServicer_to_server,
            Access(pool, pages, once),
        ),
        Registration(
            instances_pb2.DESCRIPTOR.services_by_name["Instances"],
            instances_pb2_grpc.add_InstancesServicer_to_server,
            Instances(parts.system, pages, Once(parts.system)),
        ),
        Registration(
            billing_pb2.DESCRIPTOR.services_by_name["Billing"],
            billing_pb2_grpc.add_BillingServicer_to_server,
            Billing(
                pool,
                parts.system,
                pages,
                once,
                parts.drain,
                parts.payments,
                parts.wake_for_top_ups,
            ),
        ),
        Registration(
            price_lists_pb2.DESCRIPTOR.services_by_name["PriceLists"],
            price_lists_pb2_grpc.add_PriceListsServicer_to_server,
            PriceLists(parts.system, pages, Once(parts.system)),
        ),
        Registration(
            settings_pb2.DESCRIPTOR.services_by_name["Settings"],
            settings_pb2_grpc.add_SettingsServicer_to_server,
            Settings(pool, pages, once, parts.carrier_names, parts.wake),
        ),
        Registration(
            directory_pb2.DESCRIPTOR.services_by_name["Directory"],
            directory_pb2_grpc.add_DirectoryServicer_to_server,
            Directory(pool, pages, once),
        ),
        Registration(
            contacts_pb2.DESCRIPTOR.services_by_name["Contacts"],
            contacts_pb2_grpc.add_ContactsServicer_to_server,
            Contacts(pool, pages, once),
        ),
        Registration(
            signatures_pb2.DESCRIPTOR.services_by_name["Signatures"],
            signatures_pb2_grpc.add_SignaturesServicer_to_server,
            Signatures(pool, pages, once),
        ),
        Registration(
            mass_messages_pb2.DESCRIPTOR.services_by_name["MassMessages"],
            mass_messages_pb2_grpc.add_MassMessagesServicer_to_server,
            MassMessages(pool, pages, once, parts.drain, parts.wake),
        ),
        Registration(
            triggers_pb2.DESCRIPTOR.services_by_name["Triggers"],
            triggers_pb2_grpc.add_TriggersServicer_to_server,
            Triggers(pool, pages, once, parts.firing, parts.drain, parts.wake_for_texts),
        ),
        Registration(
            delivery_pb2.DESCRIPTOR.services_by_name["Delivery"],
            delivery_pb2_grpc.add_DeliveryServicer_to_server,
            Delivery(pool, pages, once, parts.feed, parts.wake_for_texts),
        ),
    ]
