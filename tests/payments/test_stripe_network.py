"""What each way of breaking a charge means, against a server that is nothing but a socket.

The server counts the requests it was sent: no broken POST may ever be repeated by a layer below.
"""

import asyncio
import json
import socket

import pytest

from outbound_sms.clock import lease_clock
from outbound_sms.guarded_request import GuardedRequest
from outbound_sms.payments.gateway import ChargeOutcome, NotCharged, Paid, Processing, Unanswered
from tests.broken_calls import (
    answer,
    answer_then_reset_the_next,
    answer_whatever_comes,
    breaking_calls,
    hang_without_reading,
    reset_after,
)
from tests.payments.harness import Connect, intent, make_charge
from tests.raw_server import Client, RawServer, StartServer, never_connecting

CHARGE = make_charge()
BODY = json.dumps(intent(CHARGE)).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
PAID = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


MAY_HAVE_CHARGED = breaking_calls(PAID) | {
    "half of a declining body": answer(b'HTTP/1.1 402 No\r\nContent-Length: 90\r\n\r\n{"error":'),
    "a proxy that cannot go on": answer(b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n"),
    "a proxy that finds nothing": answer(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
}


@pytest.mark.parametrize("name", MAY_HAVE_CHARGED)
async def test_a_charge_that_breaks_after_it_began_is_unanswered_and_not_repeated(
    name: str, raw_server: StartServer, connect: Connect
) -> None:
    server = raw_server(MAY_HAVE_CHARGED[name])
    total_timeout = 0.4 if "hangs" in name else 5.0
    async with connect(server.url, total_timeout=total_timeout, connect_timeout=0.3) as gateway:
        outcome = await gateway.charge(CHARGE)
    assert isinstance(outcome, Unanswered), outcome
    assert server.connections == 1
    assert server.requests <= 1


async def test_a_whole_answer_is_believed_from_the_same_server(
    raw_server: StartServer, connect: Connect
) -> None:
    server = raw_server(answer(PAID))
    async with connect(server.url) as gateway:
        assert await gateway.charge(CHARGE) == Paid("pi_1")


async def test_a_kept_connection_that_dies_under_a_second_charge_is_not_tried_again(
    raw_server: StartServer, connect: Connect
) -> None:
    server = raw_server(answer_then_reset_the_next(PAID))
    async with connect(server.url) as gateway:
        assert await gateway.charge(CHARGE) == Paid("pi_1")
        assert isinstance(await gateway.charge(CHARGE), Unanswered)
    assert (server.connections, server.requests) == (1, 2)


async def test_a_refused_connection_or_a_host_without_an_address_charges_nothing(
    connect: Connect,
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        for url in (f"http://127.0.0.1:{unused.getsockname()[1]}", "http://gateway.invalid"):
            async with connect(url) as gateway:
                assert isinstance(await gateway.charge(CHARGE), NotCharged)
                assert isinstance(await gateway.find(CHARGE.top_up_id), Unanswered)


async def test_a_connection_that_is_never_made_charges_nothing(connect: Connect) -> None:
    with never_connecting() as url:
        async with connect(url, connect_timeout=0.2) as gateway:
            outcome = await gateway.charge(CHARGE)
    assert isinstance(outcome, NotCharged), outcome


async def test_a_peer_that_does_not_speak_tls_is_sent_nothing(
    raw_server: StartServer, connect: Connect
) -> None:
    server = raw_server(answer_whatever_comes(PAID))
    async with connect(server.url.replace("http:", "https:")) as gateway:
        outcome: ChargeOutcome = await gateway.charge(CHARGE)
    assert isinstance(outcome, NotCharged), outcome


async def test_a_search_that_breaks_finds_nothing_out(
    raw_server: StartServer, connect: Connect
) -> None:
    for script in (reset_after(0), reset_after(40), hang_without_reading):
        server = raw_server(script)
        async with connect(server.url, total_timeout=0.4, connect_timeout=0.3) as gateway:
            assert isinstance(await gateway.find(CHARGE.top_up_id), Unanswered)


async def test_looking_behind_a_stored_answer_takes_no_longer_than_a_call(
    raw_server: StartServer, connect: Connect
) -> None:
    body = json.dumps(intent(CHARGE, "processing")).encode()
    head = HEAD + b"Idempotent-Replayed: true\r\nContent-Length: %d\r\n\r\n" % len(body)

    async def answer_late_then_hang(server: RawServer, client: Client) -> None:
        await server.read_request(client)
        await asyncio.sleep(0.5)
        await asyncio.get_running_loop().sock_sendall(client, head + body)
        await asyncio.Event().wait()

    server = raw_server(answer_late_then_hang)
    async with connect(server.url, total_timeout=0.9, connect_timeout=0.3) as gateway:
        async with asyncio.timeout(1.3):
            assert await gateway.charge(CHARGE) == Processing("pi_1")


async def test_after_close_nothing_is_charged(raw_server: StartServer, connect: Connect) -> None:
    server = raw_server(answer(PAID))
    async with connect(server.url) as gateway:
        await gateway.close()
        assert isinstance(await gateway.charge(CHARGE), NotCharged)
        assert isinstance(await gateway.find(CHARGE.top_up_id), Unanswered)
    assert server.connections == 0


async def test_a_charge_whose_key_may_be_forgotten_when_it_is_written_is_not_written(
    raw_server: StartServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = raw_server(answer(PAID))
    late = make_charge(top_up_id=CHARGE.top_up_id, start_by=lease_clock() + 30)
    frozen_for = 0.0
    write = GuardedRequest.send

    async def freeze_before_writing(request: GuardedRequest, connection: object) -> object:
        with monkeypatch.context() as patch:
            patch.setattr(
                "outbound_sms.guarded_request.lease_clock",
                lambda: lease_clock() + frozen_for,
            )
            return await write(request, connection)  # type: ignore[arg-type]

    monkeypatch.setattr(GuardedRequest, "send", freeze_before_writing)
    async with connect(server.url) as gateway:
        frozen_for = 60.0
        assert isinstance(await gateway.charge(late), NotCharged)
        assert server.requests == 0
        frozen_for = 0.0
        assert await gateway.charge(late) == Paid("pi_1")


async def test_the_reason_of_a_broken_charge_does_not_quote_the_gateway(
    raw_server: StartServer, connect: Connect
) -> None:
    server = raw_server(answer(b"HTTP/1.1 2x1 pm_secret\r\n\r\n"))
    async with connect(server.url) as gateway:
        outcome = await gateway.charge(CHARGE)
    assert isinstance(outcome, Unanswered)
    assert "pm_secret" not in outcome.reason
