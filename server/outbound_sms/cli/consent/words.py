"""The words in which consent is told."""

from collections.abc import Mapping

from outboundsms.v1 import contacts_pb2

KINDS: Mapping[int, str] = {
    contacts_pb2.CONSENT_EVENT_KIND_OPT_IN: "opt-in",
    contacts_pb2.CONSENT_EVENT_KIND_OPT_OUT: "opt-out",
    contacts_pb2.CONSENT_EVENT_KIND_OPT_IN_AGAIN: "opt-in again",
}
SOURCES: Mapping[int, str] = {
    contacts_pb2.CONSENT_SOURCE_WEB: "web",
    contacts_pb2.CONSENT_SOURCE_PHONE: "phone",
    contacts_pb2.CONSENT_SOURCE_PAPER: "paper",
    contacts_pb2.CONSENT_SOURCE_EMAIL: "email",
    contacts_pb2.CONSENT_SOURCE_AGENT: "agent",
    contacts_pb2.CONSENT_SOURCE_SMS: "sms",
    contacts_pb2.CONSENT_SOURCE_IMPORT: "import",
    contacts_pb2.CONSENT_SOURCE_CARRIER: "carrier",
}


def kind_name(kind: int) -> str:
    """What changed; a number for a kind that is newer than this command."""
    return KINDS.get(kind, str(kind))


def source_name(source: int) -> str:
    """How it was given; a number for a source that is newer than this command."""
    return SOURCES.get(source, str(source))


def shown_text(text: str) -> str:
    """What somebody wrote, on one line: a stranger's text must not steer the terminal."""
    return "".join(each if each.isprintable() else " " for each in text)
