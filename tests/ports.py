"""Ports for servers that are started again at the same address."""

import random
import socket
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 15_000
_chance = random.SystemRandom()


def lasting_port() -> int:
    """A port of 127.0.0.1 that is free, and that the system gives to nobody who connects.

    One that the system chose itself may be the other end of somebody's connection by the time that
    the server comes back: tests open thousands.
    """
    highest = int(_RANGE.read_text().split()[0]) if _RANGE.exists() else 32_768
    while True:
        port = _chance.randrange(_LOWEST, highest)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
