"""Client for Outbound SMS: typed stubs, typed errors, and a watch that resumes by cursor.

The messages of the contract are in `outboundsms.v1`, one module for each service.
"""

from outboundsms.client import Client, Tls, connect
from outboundsms.errors import FieldViolation, OutboundSmsError
from outboundsms.watch import MessageWatch, Start

__all__ = [
    "Client",
    "FieldViolation",
    "MessageWatch",
    "OutboundSmsError",
    "Start",
    "Tls",
    "connect",
]
