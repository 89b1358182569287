"""Client for Outbound SMS: typed stubs and errors, streams that survive their connection.

The messages of the contract are in `outboundsms.v1`, one module for each service.
"""

from outboundsms.client import Client, Tls, connect
from outboundsms.errors import FieldViolation, OutboundSmsError
from outboundsms.fire import AnsweredEvent, trigger_event
from outboundsms.watch import MessageWatch, Start

__all__ = [
    "AnsweredEvent",
    "Client",
    "FieldViolation",
    "MessageWatch",
    "OutboundSmsError",
    "Start",
    "Tls",
    "connect",
    "trigger_event",
]
