"""What is written in one turn of the loop, and what is not written when the connection ends."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from outbound_sms.carriers.smpp.connection import Connection
from outbound_sms.carriers.smpp.pdu import Pdu, encode_pdu
from outbound_sms.clock import lease_clock


@dataclass
class Heard:
    """A `Receiver` that remembers."""

    pdus: list[Pdu] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def received(self, pdu: Pdu) -> None:
        self.pdus.append(pdu)

    def unreadable(self) -> None:
        self.told.append("unreadable")

    def writable(self) -> None:
        self.told.append("writable")

    def lost(self) -> None:
        self.told.append("lost")


class Wire(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        return None

    def write(self, data: Any) -> None:
        assert not self.closed
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


def connected() -> tuple[Connection, Wire, Heard]:
    heard, wire = Heard(), Wire()
    connection = Connection(heard)
    connection.connection_made(wire)
    return connection, wire, heard


async def test_what_is_written_in_one_turn_goes_out_together_and_in_order() -> None:
    connection, wire, _ = connected()
    connection.write(b"one ")
    connection.write(b"two ", lease_clock() + 10, lambda: None)
    connection.write(b"three")
    assert wire.writes == []
    await asyncio.sleep(0)
    assert wire.writes == [b"one two three"]


async def test_what_comes_too_late_is_not_written_and_its_owner_is_told() -> None:
    connection, wire, _ = connected()
    told: list[str] = []
    connection.write(b"late", lease_clock() - 1, lambda: told.append("late"))
    connection.write(b"in time", lease_clock() + 10, lambda: told.append("in time"))
    await asyncio.sleep(0)
    assert wire.writes == [b"in time"]
    assert told == ["late"]


async def test_a_close_in_the_same_turn_lets_answers_out_and_no_submission() -> None:
    connection, wire, _ = connected()
    told: list[str] = []
    connection.write(b"a submission", lease_clock() + 10, lambda: told.append("not written"))
    connection.write(b"unbind_resp")
    connection.close()
    assert wire.writes == [b"unbind_resp"]
    assert wire.closed
    assert told == ["not written"]


async def test_a_submission_that_the_socket_was_lost_before_is_not_written() -> None:
    connection, wire, heard = connected()
    told: list[str] = []
    connection.write(b"a submission", lease_clock() + 10, lambda: told.append("not written"))
    connection.connection_lost(None)
    connection.write(b"another", lease_clock() + 10, lambda: told.append("neither"))
    await asyncio.sleep(0)
    assert wire.writes == []
    assert told == ["not written", "neither"]
    assert heard.told == ["lost"]


async def test_pdus_before_octets_that_are_no_smpp_are_heard() -> None:
    connection, _, heard = connected()
    whole = encode_pdu(0x15, 7)
    connection.data_received(whole[:5])
    connection.data_received(whole[5:] + b"\0\0\0\1" + bytes(12))
    assert heard.pdus == [Pdu(0x15, 0, 7, b"")]
    assert heard.told == ["unreadable"]
