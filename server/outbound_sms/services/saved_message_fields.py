"""Saved messages as they are sent and received. Keys in the contract are the names of ours."""

from collections.abc import Mapping

from outbound_sms.domain.errors import Violations
from outbound_sms.domain.language import Language
from outbound_sms.domain.saved_messages import SAVED_MESSAGES, SavedMessage, SavedMessageKey
from outbound_sms.services.language_fields import show_language
from outboundsms.v1 import mass_messages_pb2 as pb


def read_key(violations: Violations, field: str, value: str) -> SavedMessageKey | None:
    """The saved message of a key, or None with a violation that lists the keys."""
    found = SavedMessageKey.__members__.get(value)
    if found is None:
        listed = ", ".join(SavedMessageKey.__members__)
        problem = "is not a saved message" if value else "is missing"
        violations.add(field, f"{problem}; give one of {listed}")
    return found


def show(message: SavedMessage) -> pb.SavedMessage:
    """The saved message as the contract has it."""
    return pb.SavedMessage(
        key=message.key.name,
        name=message.name,
        needs_outage_start=message.needs_start,
        needs_outage_end=message.needs_end,
        texts=show_texts(message.texts),
    )


def show_texts(texts: Mapping[Language, str]) -> list[pb.SavedMessageText]:
    """The wording of a saved message in each language."""
    return [
        pb.SavedMessageText(language=show_language(language), text=text)
        for language, text in texts.items()
    ]


def show_all() -> list[pb.SavedMessage]:
    """Every saved message, in the order in which they are kept."""
    return [show(message) for message in SAVED_MESSAGES.values()]
