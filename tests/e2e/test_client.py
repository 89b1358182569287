"""The client's streams, across a server that is killed and started again."""

import asyncio
import signal
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from outbound_sms.carriers.sandbox import app as sandbox
from outbound_sms.carriers.sandbox.config import SandboxConfig
from outbound_sms.cli.child import Child
from outbound_sms.cli.names import pages
from outbound_sms.domain.instance import InstanceValues
from outbound_sms.store.instances import create_instance_with_key
from outbound_sms.store.pool import open_pool
from outboundsms import AnsweredEvent, Client, OutboundSmsError, Start, connect, trigger_event
from outboundsms.v1 import (
    contacts_pb2,
    delivery_pb2,
    directory_pb2,
    mass_messages_pb2,
    settings_pb2,
    signatures_pb2,
    triggers_pb2,
)
from tests.factories import PLENTY, add_funds
from tests.ports import lasting_port
from tests.waiting import wait_until

RECIPIENTS = 300
EVENTS = 6_000
# Slow enough that the sending outlasts a server's restart.
SEGMENTS_PER_SECOND = 80.0
FINAL = (delivery_pb2.MESSAGE_STATUS_DELIVERED, delivery_pb2.MESSAGE_STATUS_FAILED)
AREA_CODES = (212, 303, 312, 404)


@dataclass(slots=True)
class Service:
    """A database, a carrier, a dispatcher that goes on, and an API process that tests may kill."""

    environment: dict[str, str]
    api_key: str
    folder: Path
    api: Child | None = None
    target: str = field(default_factory=lambda: f"127.0.0.1:{lasting_port()}")
    interruptions: list[str] = field(default_factory=list)

    async def start_api(self) -> None:
        """Starts the API, from the second time on at the same address."""
        self.api = Child(
            "api",
            ["serve", "--roles", "api", "--listen", self.target],
            environment=self.environment,
            log=self.folder / "api.log",
        )
        self.target = (await self.api.start("grpc"))["grpc"]

    async def kill_api(self) -> None:
        """Ends it as a crash would."""
        assert self.api is not None
        self.api.signal(signal.SIGKILL)
        await self.api.wait()


@pytest.fixture
async def service(database_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    async with (
        sandbox.running(SandboxConfig("ACtest", "token", receipt_delay=0.05)) as carrier,
        _running_service(database_url, carrier, tmp_path) as found,
    ):
        yield found


@asynccontextmanager
async def _running_service(database: str, carrier: str, folder: Path) -> AsyncIterator[Service]:
    carriers = folder / "carriers.toml"
    carriers.write_text(
        '[carrier.sandbox]\nkind = "twilio"\naccount_sid = "ACtest"\nauth_token = "token"\n'
        f'base_url = "{carrier}"\n'
    )
    environment = {
        "DATABASE_URL": database,
        "OUTBOUND_SMS_CARRIERS": str(carriers),
        "OUTBOUND_SMS_HTTP_LISTEN": "127.0.0.1:0",
        "OUTBOUND_SMS_DRAIN_WAIT": "0",
    }
    pool = await open_pool(database, min_size=1, max_size=2, application_name="test")
    async with pool.acquire() as connection:
        instance, key = await create_instance_with_key(
            connection,
            InstanceValues(name="Test", country="US", currency="USD", time_zone="America/New_York"),
        )
        await add_funds(connection, instance.id, PLENTY)
    await pool.close()
    service = Service(environment, key, folder)
    dispatcher = Child(
        "dispatcher",
        ["serve", "--roles", "dispatcher,webhooks"],
        environment=environment,
        log=folder / "dispatcher.log",
    )
    try:
        await dispatcher.start("http")
        await service.start_api()
        yield service
    finally:
        if service.api is not None:
            await service.api.stop()
        await dispatcher.stop()


async def test_a_watch_misses_nothing_when_the_server_is_killed_and_started_again(
    service: Service,
) -> None:
    async with connect(service.target, service.api_key) as client:
        spec = await _prepare(client)
        versions: dict[str, list[int]] = defaultdict(list)
        final: dict[str, int] = {}

        async def watch() -> None:
            async with client.watch_messages(
                start=Start.OLDEST,
                on_interruption=lambda error, _: service.interruptions.append(error.reason),
            ) as events:
                async for event in events:
                    versions[event.message_id].append(event.version)
                    if event.status in FINAL:
                        final[event.message_id] = event.status
                    if len(final) == RECIPIENTS:
                        return

        watching = asyncio.create_task(watch())
        await client.mass_messages.CreateMassMessage(
            mass_messages_pb2.CreateMassMessageRequest(spec=spec, request_id=str(uuid.uuid4()))
        )
        await wait_until(lambda: len(final) > 20, 20, "the first texts are delivered")
        await service.kill_api()
        assert len(final) < RECIPIENTS, "the kill came too late to interrupt anything"
        await service.start_api()
        async with asyncio.timeout(40):
            await watching
    assert service.interruptions, "the watch did not notice the kill"
    assert len(versions) == RECIPIENTS
    gaps = {key: found for key, found in versions.items() if found != sorted(set(found))}
    assert not gaps, "out of order, or twice"
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())


async def test_a_saved_cursor_goes_on_in_another_client_where_the_first_one_stopped(
    service: Service,
) -> None:
    saved: list[str] = []
    first: list[tuple[str, int]] = []
    second: list[tuple[str, int]] = []

    async def save(cursor: str) -> None:
        saved.append(cursor)

    async with connect(service.target, service.api_key) as client:
        spec = await _prepare(client)
        await client.mass_messages.CreateMassMessage(
            mass_messages_pb2.CreateMassMessageRequest(spec=spec, request_id=str(uuid.uuid4()))
        )
        async with (
            asyncio.timeout(30),
            client.watch_messages(start=Start.OLDEST, save_cursor=save) as events,
        ):
            async for event in events:
                first.append((event.message_id, event.version))
                if len(first) == RECIPIENTS + 150:
                    break
    assert saved
    finished: set[str] = set()
    async with (
        connect(service.target, service.api_key) as client,
        asyncio.timeout(40),
        client.watch_messages(cursor=saved[-1]) as events,
    ):
        async for event in events:
            second.append((event.message_id, event.version))
            if event.status in FINAL:
                finished.add(event.message_id)
            if len(finished | {key for key, version in first if version == 4}) >= RECIPIENTS:
                break
    seen = defaultdict(set)
    for key, version in first + second:
        seen[key].add(version)
    assert len(seen) == RECIPIENTS
    assert all(found == set(range(1, max(found) + 1)) for found in seen.values())


async def test_a_watch_waits_for_a_server_that_is_not_there_yet(service: Service) -> None:
    await service.kill_api()
    tries: list[float] = []
    async with (
        connect(service.target, service.api_key) as client,
        client.watch_messages(
            start=Start.OLDEST, on_interruption=lambda _, wait: tries.append(wait)
        ) as events,
        asyncio.timeout(60),
    ):
        first = asyncio.create_task(anext(events))
        await wait_until(lambda: len(tries) >= 2, 10, "the watch tries again")
        await service.start_api()
        await client.ready()
        spec = await _prepare(client)
        await client.mass_messages.CreateMassMessage(
            mass_messages_pb2.CreateMassMessageRequest(spec=spec, request_id=str(uuid.uuid4()))
        )
        assert (await first).version == 1


async def test_events_make_one_text_each_when_the_server_is_killed_and_started_again(
    service: Service,
) -> None:
    async with connect(service.target, service.api_key) as client:
        await _prepare(client)
        await _prepare_trigger(client)
        events = [
            trigger_event(
                "PAYMENT_FAILURE",
                f"payment-{number}",
                account_number=f"A-{number % RECIPIENTS}",
                variables={"AMOUNT_DUE": "45.10"},
            )
            for number in range(EVENTS)
        ]
        answers: list[AnsweredEvent] = []

        async def fire() -> None:
            async for answered in client.fire_all(
                events, on_interruption=lambda error, _: service.interruptions.append(error.reason)
            ):
                answers.append(answered)

        firing = asyncio.create_task(fire())
        await wait_until(lambda: len(answers) >= EVENTS // 10, 20, "the first events are answered")
        await service.kill_api()
        assert len(answers) < EVENTS, "the kill came too late to interrupt anything"
        await service.start_api()
        async with asyncio.timeout(60):
            await firing
        assert service.interruptions, "the stream did not notice the kill"
        assert [each.event.event_key for each in answers] == [each.event_key for each in events]
        told = [_texts(each.answer) for each in answers]
        assert all(len(texts) == 1 for texts in told)
        stored = await _triggered_texts(client)
    assert len(stored) == EVENTS
    assert stored == {text for texts in told for text in texts}


async def test_a_key_that_is_refused_ends_a_watch(service: Service) -> None:
    async with (
        connect(service.target, "sms_live_nonsense") as client,
        client.watch_messages() as events,
    ):
        with pytest.raises(OutboundSmsError) as failure:
            await anext(events)
    assert failure.value.reason == "API_KEY_INVALID"


async def _prepare(client: Client) -> mass_messages_pb2.MassMessageSpec:
    """Everything that a mass message to RECIPIENTS numbers needs."""
    await client.directory.CreateCompany(
        directory_pb2.CreateCompanyRequest(
            company=directory_pb2.Company(name="Northwind", country="US", is_default=True)
        )
    )
    department = await client.directory.CreateDepartment(
        directory_pb2.CreateDepartmentRequest(name="Support")
    )
    await client.signatures.CreateSignature(
        signatures_pb2.CreateSignatureRequest(
            signature=signatures_pb2.Signature(
                name="Support",
                department_id=department.department.department_id,
                template=signatures_pb2.SIGNATURE_TEMPLATE_NO_DISPLAY,
                mass_default=True,
            )
        )
    )
    await client.settings.CreateSendingNumber(
        settings_pb2.CreateSendingNumberRequest(
            sending_number=settings_pb2.SendingNumber(
                number="+12125550100", carrier="sandbox", segments_per_second=SEGMENTS_PER_SECOND
            )
        )
    )
    await client.contacts.CreatePhoneNumberType(
        contacts_pb2.CreatePhoneNumberTypeRequest(
            phone_number_type=contacts_pb2.PhoneNumberType(name="Mobile", sms_capable=True)
        )
    )
    request = directory_pb2.ImportRequest(rows=[_row(number) for number in range(RECIPIENTS)])
    async for answer in client.directory.Import(iter([request])):
        assert not answer.refused
    return await _spec(client)


async def _prepare_trigger(client: Client) -> None:
    """A triggered message about payments that failed."""
    listed = await client.signatures.ListSignatures(signatures_pb2.ListSignaturesRequest())
    await client.triggers.CreateTriggeredMessage(
        triggers_pb2.CreateTriggeredMessageRequest(
            triggered_message=triggers_pb2.TriggeredMessage(
                name="Payment failed",
                enabled=True,
                trigger_type="PAYMENT_FAILURE",
                signature_id=listed.signatures[0].signature_id,
            )
        )
    )


def _texts(answer: triggers_pb2.FireAnswer) -> list[str]:
    return [each for one in answer.result.triggered_messages for each in one.message_ids]


async def _triggered_texts(client: Client) -> set[str]:
    request = delivery_pb2.ListMessagesRequest(
        page_size=1_000, kind=delivery_pb2.MESSAGE_KIND_TRIGGERED
    )
    found: set[str] = set()
    async for page in pages(client.delivery.ListMessages, request):
        found.update(message.message_id for message in page.messages)
    return found


async def _spec(client: Client) -> mass_messages_pb2.MassMessageSpec:
    spec = mass_messages_pb2.MassMessageSpec(
        saved_message="UNPLANNED_OUTAGE_NO_ETA",
        audience=mass_messages_pb2.Audience(all_accounts=True),
    )
    spec.outage_start_time.GetCurrentTime()
    return spec


def _row(number: int) -> directory_pb2.ImportRow:
    area, line = divmod(number, 90)
    return directory_pb2.ImportRow(
        line=number + 2,
        values={
            "account_number": f"A-{number}",
            "account_name": f"Account {number}",
            "contact_name": f"Contact {number}",
            "phone_number": f"{AREA_CODES[area]}-555-01{line:02d}",
            "phone_type": "Mobile",
            "sms_opt_in": "yes",
            "consent_source": "web",
            "consent_evidence": "ticked the box",
        },
    )
