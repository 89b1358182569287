"""What each way of breaking a charge means, against a server that is nothing but a socket.

The server counts the requests it was sent: no broken POST may ever be repeated by a layer below.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from outbound_sms.clock import lease_clock
from outbound_sms.guarded_request import GuardedRequest
from outbound_sms.payments.gateway import ChargeOutcome, NotCharged, Paid, Processing, Unanswered
from tests.carriers.raw_server import Client, RawServer, Script, readable, reset
from tests.payments.harness import Connect, intent, make_charge

StartServer = Callable[[Script], RawServer]

CHARGE = make_charge()
BODY = json.dumps(intent(CHARGE)).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
PAID = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


@pytest.fixture
async def raw_server() -> AsyncIterator[StartServer]:
    started: list[tuple[RawServer, asyncio.Task[None]]] = []

    def start(script: Script) -> RawServer:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        server = RawServer(listener, script)
        started.append((server, asyncio.create_task(server.serve())))
        return server

    yield start
    for server, task in started:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.close()


def reset_after(count: int) -> Script:
    async def script(server: RawServer, client: Client) -> None:
        await readable(client)
        left = count
        while left:
            left -= len(await asyncio.get_running_loop().sock_recv(client, left))
        reset(client)

    return script


async def reset_after_request(server: RawServer, client: Client) -> None:
    await server.read_request(client)
    reset(client)


async def close_after_request(server: RawServer, client: Client) -> None:
    await server.read_request(client)


async def hang_without_reading(server: RawServer, client: Client) -> None:
    await asyncio.Event().wait()


async def hang_after_request(server: RawServer, client: Client) -> None:
    await server.read_request(client)
    await asyncio.Event().wait()


def answer(data: bytes, *, then_hang: bool = False, then_reset: bool = False) -> Script:
    async def script(server: RawServer, client: Client) -> None:
        await server.read_request(client)
        await asyncio.get_running_loop().sock_sendall(client, data)
        if then_hang:
            await asyncio.Event().wait()
        if then_reset:
            reset(client)

    return script


async def redirect_always(server: RawServer, client: Client) -> None:
    while True:
        await server.read_request(client)
        await asyncio.get_running_loop().sock_sendall(
            client,
            b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n",
        )


MAY_HAVE_CHARGED: dict[str, Script] = {
    "reset before a byte was read": reset_after(0),
    "reset after one byte": reset_after(1),
    "reset in mid-request": reset_after(40),
    "reset after the whole request": reset_after_request,
    "closed after the whole request": close_after_request,
    "hangs without reading": hang_without_reading,
    "hangs after the request": hang_after_request,
    "half a status line": answer(b"HTTP/1.1 20"),
    "half of the headers": answer(PAID[:30]),
    "half of the headers, then reset": answer(PAID[:30], then_reset=True),
    "half of the headers, then hangs": answer(PAID[:30], then_hang=True),
    "headers and no body": answer(PAID[: -len(BODY)]),
    "half of the body": answer(PAID[:-5]),
    "half of the body, then hangs": answer(PAID[:-5], then_hang=True),
    "half of a declining body": answer(b'HTTP/1.1 402 No\r\nContent-Length: 90\r\n\r\n{"error":'),
    "half of a chunked body": answer(HEAD + b"Transfer-Encoding: chunked\r\n\r\n8\r\n{'id"),
    "a body that is not gzip": answer(
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
    ),
    "malformed JSON": answer(HEAD + b'Content-Length: 7\r\n\r\n{"id":1'),
    "no HTTP at all": answer(b"\x00\x01\x02\r\n\r\n"),
    "a header without an end": answer(HEAD + b"A: " + b"a" * 100_000),
    "a proxy that cannot go on": answer(b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n"),
    "a proxy that finds nothing": answer(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
    "a redirect": redirect_always,
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
    async def once_and_reset(server: RawServer, client: Client) -> None:
        await server.read_request(client)
        await asyncio.get_running_loop().sock_sendall(client, PAID)
        await server.read_request(client)
        reset(client)

    server = raw_server(once_and_reset)
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
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        async with connect(f"http://127.0.0.1:{address[1]}", connect_timeout=0.2) as gateway:
            outcome = await gateway.charge(CHARGE)
        for each in waiting:
            each.close()
    assert isinstance(outcome, NotCharged), outcome


async def test_a_peer_that_does_not_speak_tls_is_sent_nothing(
    raw_server: StartServer, connect: Connect
) -> None:
    async def answer_plainly(server: RawServer, client: Client) -> None:
        await asyncio.get_running_loop().sock_recv(client, 65536)
        await asyncio.get_running_loop().sock_sendall(client, PAID)

    server = raw_server(answer_plainly)
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
