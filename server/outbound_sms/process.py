"""One server process: the roles that it has, started in order and stopped in order."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import asyncpg
import structlog
from aiohttp import web

from outbound_sms.app import Parts, make_parts, servicers
from outbound_sms.carriers import configuration
from outbound_sms.carriers.carrier import Carrier
from outbound_sms.carriers.configuration import CarrierConfigurationError
from outbound_sms.charging import Charging
from outbound_sms.dispatch.dispatcher import CarrierTooSlow
from outbound_sms.domain.callback import CallbackAddress
from outbound_sms.drain import Drain, Step, run_steps, server_steps
from outbound_sms.http_side import HttpSide
from outbound_sms.inbox.arrivals import ReceivedArrivals
from outbound_sms.inbox.receipts import ReceiptInbox
from outbound_sms.inbox.texts import TextInbox
from outbound_sms.metrics import metrics_app
from outbound_sms.payments import configuration as payment_configuration
from outbound_sms.payments.configuration import PaymentConfigurationError
from outbound_sms.payments.gateway import PaymentGateway
from outbound_sms.pools import (
    API,
    DISPATCHER,
    EXPANSION,
    FIRING,
    QUEUE,
    SYSTEM,
    WEBHOOKS,
    CannotStart,
    open_pools,
)
from outbound_sms.rpc.server import GrpcServer, Transport
from outbound_sms.sealing_keys import SealingKeys, SealingKeysError, read_sealing_keys
from outbound_sms.sending import Sending
from outbound_sms.settings import SEALING_KEYS, Settings
from outbound_sms.store.pool import Pool
from outbound_sms.store.signing_keys import signing_key
from outbound_sms.webhooks.inbound import InboundHandler
from outbound_sms.webhooks.server import ReceiptHandler, build_app

Announce = Callable[[str, str], None]
"""Hears of each address that the process listens on: a name, and the address."""

_log = structlog.get_logger("server")


@dataclass(slots=True)
class _Running:
    """What there is to stop."""

    server: GrpcServer | None = None
    parts: Parts | None = None
    sending: Sending | None = None
    charging: Charging | None = None

    def duties(self) -> list[Sending | Charging]:
        """What the dispatcher role runs."""
        return [duty for duty in (self.sending, self.charging) if duty is not None]

    async def stop_duties(self) -> None:
        """Stops them together."""
        await asyncio.gather(*(duty.stop() for duty in self.duties()))


async def run_process(settings: Settings, drain: Drain, announce: Announce) -> None:
    """Runs the roles of `settings` until a stop is requested of `drain`, then stops in order.

    Raises CannotStart before it announces anything, or what a role failed with, after the stop.
    """
    running = _Running()
    relax_collector()
    async with AsyncExitStack() as resources:
        try:
            await _start(settings, drain, running, resources, announce)
            _log.info("serving", roles=sorted(settings.roles))
            await _until_stop(drain, running.duties())
        finally:
            await run_steps(_steps(settings, drain, running, resources.aclose))
    for duty in running.duties():
        if duty.task is not None:
            duty.task.result()


def relax_collector() -> None:
    """Looks for cyclic garbage less often, and no more at what was imported.

    A server makes many objects that live for one call and few cycles; the default thresholds cost a
    fifth of the unary calls a second (measured).
    """
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


async def _start(
    settings: Settings,
    drain: Drain,
    running: _Running,
    resources: AsyncExitStack,
    announce: Announce,
) -> None:
    keys = _load_sealing_keys(settings)
    carriers = _load_carriers(settings, keys)
    for carrier in carriers.values():
        resources.push_async_callback(carrier.close)
    gateway = _load_gateway(settings, keys)
    if gateway is not None:
        resources.push_async_callback(gateway.close)
    pools = await open_pools(settings, resources)
    http = await resources.enter_async_context(_bind_http(settings))
    callbacks = await _callbacks(settings, http, pools)
    if EXPANSION in pools:
        try:
            running.sending = Sending(
                pools[EXPANSION], pools[QUEUE], carriers, callbacks, settings.dispatch()
            )
        except CarrierTooSlow as error:
            raise CannotStart(str(error)) from error
        running.charging = Charging(pools[EXPANSION], gateway, running.sending.wake_for_texts)
    heard = running.sending.wake_for_receipts if running.sending is not None else _nobody
    answered = running.sending.wake_for_texts if running.sending is not None else _nobody
    replies = TextInbox(pools[SYSTEM], answered)
    app = web.Application()
    if WEBHOOKS in settings.roles:
        app = build_app(
            ReceiptHandler(carriers, callbacks, ReceiptInbox(pools[SYSTEM], heard)),
            InboundHandler(carriers, callbacks, replies),
        )
    for resource in metrics_app().router.resources():
        app.router.register_resource(resource)
    await http.start(app)
    announce("http", http.url)
    if API in settings.roles:
        wake = running.sending.wake if running.sending is not None else _nobody
        texts = running.sending.wake_for_texts if running.sending is not None else _nobody
        top_ups = running.charging.wake if running.charging is not None else _nobody
        running.parts = await make_parts(
            pools[API],
            pools[SYSTEM],
            drain=drain.streams,
            firing=pools[FIRING],
            carrier_names=frozenset(carriers),
            payments=gateway is not None,
            wake=wake,
            wake_for_texts=texts,
            wake_for_top_ups=top_ups,
        )
        await resources.enter_async_context(running.parts.feed)
        running.server = _make_server(settings, drain, running.parts)
        announce("grpc", await _listen(running.server, settings.listen))
    if running.sending is not None:
        running.sending.connect(ReceivedArrivals(ReceiptInbox(pools[QUEUE], heard), replies))
    for duty in running.duties():
        duty.start()


async def _until_stop(drain: Drain, duties: Sequence[Sending | Charging]) -> None:
    """Returns when a stop is requested, or when a role has ended by itself."""
    ended: set[asyncio.Task[object]] = {asyncio.create_task(drain.requested.wait())}
    request = next(iter(ended))
    ended.update(duty.task for duty in duties if duty.task is not None)
    await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED)
    if not request.done():
        request.cancel()
        _log.error("a role ended by itself", role=DISPATCHER)


def _steps(
    settings: Settings, drain: Drain, running: _Running, close: Callable[[], Awaitable[None]]
) -> list[Step]:
    if running.server is not None:
        return server_steps(
            say_not_serving=running.server.health.drain,
            end_streams=drain.streams.set,
            stop_server=running.server.stop,
            stop_dispatcher=running.stop_duties if running.duties() else None,
            close_database=close,
            balancer_wait=settings.drain_wait,
            grace=settings.drain_grace,
        )
    steps = [Step("database", close, 10)]
    if running.duties():
        steps.insert(0, Step("dispatcher", running.stop_duties, settings.drain_grace + 10))
    return steps


def _load_sealing_keys(settings: Settings) -> SealingKeys | None:
    if settings.sealing_keys_file is None:
        return None
    try:
        return read_sealing_keys(settings.sealing_keys_file)
    except SealingKeysError as error:
        listed = "\n".join(f"  {problem}" for problem in error.problems)
        raise CannotStart(f"{SEALING_KEYS} is wrong:\n{listed}") from error


def _load_carriers(settings: Settings, keys: SealingKeys | None) -> Mapping[str, Carrier]:
    if settings.carriers_file is None:
        _log.warning("no carriers", hint="set OUTBOUND_SMS_CARRIERS; nothing can be sent")
        return {}
    try:
        return configuration.load(settings.carriers_file, keys)
    except CarrierConfigurationError as error:
        listed = "\n".join(f"  {problem}" for problem in error.problems)
        raise CannotStart(f"{settings.carriers_file} is wrong:\n{listed}") from error


def _load_gateway(settings: Settings, keys: SealingKeys | None) -> PaymentGateway | None:
    if settings.payments_file is None:
        _log.warning("no payments", hint="set OUTBOUND_SMS_PAYMENTS; nobody can add funds")
        return None
    try:
        return payment_configuration.load(settings.payments_file, keys)
    except PaymentConfigurationError as error:
        listed = "\n".join(f"  {problem}" for problem in error.problems)
        raise CannotStart(f"{settings.payments_file} is wrong:\n{listed}") from error


def _bind_http(settings: Settings) -> HttpSide:
    try:
        return HttpSide(settings.http_listen, reuse_port=settings.processes > 1)
    except OSError as error:
        raise CannotStart(
            f"OUTBOUND_SMS_HTTP_LISTEN: {settings.http_listen} cannot be had ({error.strerror})."
        ) from error


async def _callbacks(
    settings: Settings, http: HttpSide, pools: Mapping[str, Pool]
) -> CallbackAddress:
    try:
        key = await signing_key(pools[SYSTEM], "callback_address")
    except asyncpg.UndefinedTableError as error:
        raise CannotStart("The database has no schema yet: run `outbound-sms migrate`.") from error
    # Nobody can say the address of a free port in advance.
    free_port = settings.http_listen.endswith(":0") and settings.public_url == Settings().public_url
    return CallbackAddress(http.url if free_port else settings.public_url, key)


def _make_server(settings: Settings, drain: Drain, parts: Parts) -> GrpcServer:
    return GrpcServer(
        parts.system,
        servicers(parts),
        drain=drain.streams,
        limits=settings.limits(),
        transport=Transport(reuse_port=settings.processes > 1),
        reflection=settings.reflection,
        trouble=parts.feed.trouble,
    )


async def _listen(server: GrpcServer, address: str) -> str:
    try:
        port = await server.start(address)
    except RuntimeError as error:
        raise CannotStart(f"OUTBOUND_SMS_LISTEN: {address} cannot be had; is it in use?") from error
    return f"{address.rpartition(':')[0]}:{port}"


def _nobody() -> None:
    """Without a dispatcher in this process, the others find new work by polling."""
