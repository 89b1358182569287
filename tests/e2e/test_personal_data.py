"""Phone numbers, names, addresses and texts stay in the database and in the texts: whatever a fleet
does and whatever fails in it, they are in no log, no metric, and no answer that is an error.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import aiohttp
import grpc
import pytest

from outbound_sms.postgres.server import EmbeddedPostgres
from outbound_sms.store.pool import open_pool
from outboundsms.v1.mass_messages_pb2_grpc import MassMessagesStub
from outboundsms.v1.triggers_pb2 import FireTriggerRequest
from outboundsms.v1.triggers_pb2_grpc import TriggersStub
from tests.dispatch.checks import queue_is_empty
from tests.e2e.canary_calls import be_too_slow, break_the_database, call_wrongly
from tests.e2e.canary_isp import (
    NAME,
    PHONES,
    REPLY,
    STRANGER,
    canaries_of,
    write_subscribers,
)
from tests.e2e.canary_service import Service, Told
from tests.e2e.fleet import fleet_of
from tests.e2e.handsets import handsets_of
from tests.e2e.kill_rounds import new_mass_message
from tests.services.fire_calls import INVOICE_DUE, event, make_subscribers
from tests.services.running import Stubs, make_tenant
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

OURS = "+12125550100"

# Errors of a database quote the row that they are about. Here they are made by the role of a
# contact, by a text that comes in, and by the first status changes.
_TRAPS = """
ALTER TABLE contact ADD CONSTRAINT trap_check CHECK (role IS DISTINCT FROM 'check');
CREATE UNIQUE INDEX trap_unique ON contact (name, email_address) WHERE role = 'unique';
CREATE FUNCTION trap_contact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.role = 'slow' THEN PERFORM pg_sleep(30); END IF;
  IF NEW.role = 'cast' THEN PERFORM NEW.name::integer; END IF;
  IF NEW.role = 'raise' THEN
    RAISE EXCEPTION 'row %', NEW USING DETAIL = NEW::text, HINT = NEW.email_address;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER trap BEFORE INSERT ON contact FOR EACH ROW EXECUTE FUNCTION trap_contact();
CREATE FUNCTION trap_text() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.body LIKE '%!!' THEN RAISE EXCEPTION 'row %', NEW; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER trap BEFORE INSERT ON inbound_message FOR EACH ROW EXECUTE FUNCTION trap_text();
CREATE SEQUENCE trap_times;
CREATE FUNCTION trap_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF NEW.status > 2 AND nextval('trap_times') <= 3 THEN
    RAISE EXCEPTION 'message %', (SELECT m FROM message m WHERE m.id = NEW.message_id);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER trap BEFORE INSERT ON status_event FOR EACH ROW EXECUTE FUNCTION trap_event();
"""


@pytest.fixture
async def service(fresh_cluster: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Service]:
    pool = await open_pool(fresh_cluster.dsn(), min_size=1, max_size=4, application_name="tests")
    await pool.execute(_TRAPS)
    tenant = await make_tenant(pool)
    await make_subscribers(pool, tenant.instance.id, OURS)
    await pool.execute("UPDATE sending_number SET segments_per_second = 1000")
    async with fleet_of(fresh_cluster.dsn(), tmp_path) as fleet, aiohttp.ClientSession() as session:
        await fleet.start_carrier(lookup=True, environment={"OUTBOUND_SMS_LOG_LEVEL": "DEBUG"})
        server = fleet.server("api,dispatcher")
        started = await server.start("grpc", "http")
        stubs = Stubs(started["grpc"], tenant.key)
        urls = [started["http"], fleet.public_url]
        yield Service(fleet, pool, tenant, started["grpc"], urls, stubs, session, tmp_path)
        await stubs.close()
    await pool.close()


async def test_what_is_personal_is_in_no_log_metric_or_error(
    service: Service, fresh_cluster: EmbeddedPostgres
) -> None:
    await import_subscribers(service)
    slow = asyncio.create_task(be_too_slow(service))
    await send_texts(service)
    await text_back(service)
    await call_wrongly(service)
    await break_the_database(service)
    await call_webhooks_wrongly(service)
    await use_commands_wrongly(service)
    await slow
    metrics = [await text_of(service, f"{url}/metrics") for url in service.urls]
    canaries = await canaries_of(service.pool)
    await service.fleet.close()
    logs = service.fleet.logs() | {"postgres": log_of(fresh_cluster)}
    check_that_it_happened(logs, service.told)
    for file, text in logs.items():
        assert not canaries.found_in(text), file
    assert not canaries.found_in("\n".join(metrics))
    assert not canaries.found_in("\n".join(service.told.texts))


def check_that_it_happened(logs: dict[str, str], told: Told) -> None:
    """Each failure was told of, or nothing would be proved by what the logs do not say."""
    everything = "\n".join(logs.values())
    for trace in (
        '"event": "defect"',
        '"sqlstate": "23514"',
        '"sqlstate": "23505"',
        '"sqlstate": "22P02"',
        '"sqlstate": "P0001"',
        '"reason": "DEADLINE_EXCEEDED"',
        '"event": "receipt not understood"',
        '"event": "inbound text not understood"',
        '"event": "inbound text to a number that is not ours"',
        '"event": "inbound text not stored"',
        '"event": "outcomes not written yet"',
        '"method":"/outboundsms.v1.Directory/Import"',
        # A number of theirs came as far as the log, and was masked there.
        f"{PHONES[3][:5]}***{PHONES[3][-4:]}",
    ):
        assert trace in everything, trace
    assert {
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.UNIMPLEMENTED,
    } <= set(told.codes)


def log_of(cluster: EmbeddedPostgres) -> str:
    """What PostgreSQL has logged, which the program itself starts and stops."""
    socket = parse_qs(urlsplit(cluster.dsn()).query)["host"][0]
    log = (Path(socket).parent / "postgres.log").read_text(encoding="utf-8")
    assert "database system is ready" in log
    return log


async def text_of(service: Service, url: str) -> str:
    async with service.session.get(url) as answer:
        return await answer.text()


async def import_subscribers(service: Service) -> None:
    """The ISP's file, with rows that are wrong."""
    refused = write_subscribers(service.folder / "subscribers.csv")
    ran = await service.program("import", "subscribers.csv", "--json", "--refused", "refused.csv")
    assert ran.json()["accepted"] == len(PHONES), ran
    assert len(ran.json()["refused"]) == refused


async def send_texts(service: Service) -> None:
    """A mass message and events, to numbers of which most fail, until all is over."""
    await service.stubs(MassMessagesStub).CreateMassMessage(new_mass_message())
    for n in range(1, 5):
        fired = event(f"{NAME} {n}", account_number=f"C-{n}")
        await service.stubs(TriggersStub).FireTrigger(FireTriggerRequest(event=fired))

    async def over() -> bool:
        texted = await service.pool.fetchval("SELECT count(*) FROM message WHERE status > 2")
        return bool(texted >= len(PHONES) + 4) and await queue_is_empty(service.pool)

    await wait_until(over, 60, "all is sent")


async def text_back(service: Service) -> None:
    """Replies of every kind; the last cannot be stored."""
    async with handsets_of(service.fleet.carrier_url) as handsets:
        for sender, body in (
            (PHONES[0], "STOP"),
            (PHONES[1], REPLY),
            (PHONES[2], f"help {REPLY}"),
            (PHONES[0], "START"),
            (STRANGER, REPLY),
        ):
            assert await handsets.text(sender, OURS, body)
        assert await handsets.text(STRANGER, PHONES[3], REPLY)
        assert not await handsets.text(PHONES[1], OURS, f"{REPLY}!!")


async def call_webhooks_wrongly(service: Service) -> None:
    """Callbacks that are forged, malformed, for nobody, and too large."""
    base, post = service.fleet.public_url, service.post
    receipts = service.fleet.accept_entries()[0]["status_callback"]
    status = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": PHONES[0]}
    text = {"MessageSid": "SM2", "From": PHONES[1], "To": OURS, "Body": REPLY}
    assert await post(receipts, status, signed=False) == 403
    assert await post(f"{base}/receipts/sandbox?m={PHONES[0][1:]}&a={NAME[:3]}&s=1", status) == 403
    assert await post(f"{base}/receipts/{quote(PHONES[0])}", status) == 404
    assert await post(f"{base}/{quote(NAME)}", status) == 404
    for wrong in ({"MessageStatus": REPLY}, {"MessageSid": NAME}, {"MessageSid": ""}):
        assert await post(receipts, {**status, **wrong}) in (204, 400), wrong
    failed = {"MessageStatus": "undelivered", "ErrorCode": PHONES[2], "ErrorMessage": NAME}
    assert await post(receipts, {**status, **failed}) == 204
    assert await post(f"{base}/inbound/sandbox", text, signed=False) == 403
    for wrong in ({"From": NAME}, {"To": REPLY}, {"MessageSid": f"{NAME}\n"}):
        assert await post(f"{base}/inbound/sandbox", {**text, **wrong}) == 400
    assert await post(f"{base}/inbound/sandbox", {**text, "Body": REPLY * 4_000}) == 413
    who, said = PHONES[0].encode(), REPLY.encode()
    for octets in (
        b"POST /inbound/sandbox?" + who + b" HTTP/9.9\r\n\r\n",
        who + b" " + said + b"\r\n\r\n",
        b"POST /inbound/sandbox HTTP/1.1\r\nHost: x\r\n" + said + b"\r\n\r\n",
        b"POST /inbound/sandbox HTTP/1.1\r\nHost: x\r\nContent-Length: " + who + b"\r\n\r\n",
        b"POST /inbound/sandbox HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
        b"Content-Length: 28\r\nConnection: close\r\n\r\n" + said[:28],
    ):
        assert b" 400 " in await service.write(base, octets), octets


async def use_commands_wrongly(service: Service) -> None:
    """Commands that find nothing or fail; only what the server makes of them counts here."""
    for arguments in (
        ("messages", "list", "--number", PHONES[0]),
        ("messages", "list", "--number", NAME),
        ("messages", "show", PHONES[0]),
        ("trigger", "fire", INVOICE_DUE, "--account", PHONES[0], "--event-key", NAME),
    ):
        await service.program(*arguments)
    assert (await service.program("messages", "list", key=f"sms_live_{NAME}")).code == 1
