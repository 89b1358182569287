"""The connection to an SMSC: octets out, and PDUs in."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from outbound_sms.carriers.smpp.pdu import MalformedPdu, Pdu, PduReader
from outbound_sms.clock import lease_clock

LONGEST_CLOSE = 2.0


class Receiver(Protocol):
    """Who hears of what a connection brings. Nothing comes after `lost`."""

    def received(self, pdu: Pdu) -> None:
        """A PDU has come."""

    def unreadable(self) -> None:
        """What has come is no SMPP, and nothing after it can be read."""

    def writable(self) -> None:
        """The system takes octets again."""

    def lost(self) -> None:
        """The connection has ended, for whatever reason."""


class Connection(asyncio.Protocol):
    """A socket, plain or under TLS. `congested` while the system does not take what was written:
    who writes now cannot say when it will go out."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._reader = PduReader()
        self._transport: asyncio.Transport | None = None
        self._unwritten: list[tuple[bytes, float, Callable[[], None] | None]] = []
        self.congested = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        # Not 0: asyncio's TLS then takes an empty buffer for a full one.
        transport.set_write_buffer_limits(high=1, low=0)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            for pdu in self._reader.feed(data):
                self._receiver.received(pdu)
            # The reader tells of what it could not cut only when it is asked again.
            self._reader.feed(b"")
        except MalformedPdu:
            self._receiver.unreadable()

    def pause_writing(self) -> None:
        self.congested = True

    def resume_writing(self) -> None:
        self.congested = False
        self._receiver.writable()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._flush()
        self._receiver.lost()

    def write(
        self,
        data: bytes,
        start_by: float = float("inf"),
        not_written: Callable[[], None] | None = None,
    ) -> None:
        """Hands octets to the system, together with what else is written in this turn of the loop:
        a call of the system for each PDU costs a quarter of all the time (measured).

        Nothing goes out after `start_by`, of `lease_clock`, nor after the end. `not_written` is
        called where it does not.
        """
        if not self._unwritten:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unwritten.append((data, start_by, not_written))

    def close(self) -> None:
        """Ends the connection once what was written has gone out, or is not taken for too long.

        What somebody would like to know of, and is not written yet, is not written any more.
        """
        transport = self._transport
        if transport is not None:
            self._flush(closing=True)
            transport.close()
            asyncio.get_running_loop().call_later(LONGEST_CLOSE, transport.abort)

    def _flush(self, *, closing: bool = False) -> None:
        unwritten, self._unwritten = self._unwritten, []
        if not unwritten:
            return
        now = lease_clock()
        data = []
        for octets, start_by, not_written in unwritten:
            if not_written is None or not (closing or now > start_by or self._transport is None):
                data.append(octets)
            else:
                not_written()
        if data and self._transport is not None:
            self._transport.write(b"".join(data))
