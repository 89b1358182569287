"""Languages between the contract and the domain."""

from outbound_sms.domain.errors import Violations
from outbound_sms.domain.language import Language
from outboundsms.v1 import language_pb2

_TO_PROTO = {
    None: language_pb2.LANGUAGE_UNSPECIFIED,
    Language.EN: language_pb2.LANGUAGE_EN,
    Language.FR: language_pb2.LANGUAGE_FR,
}
_FROM_PROTO = {value: language for language, value in _TO_PROTO.items()}


def read_language(violations: Violations, field: str, value: int) -> Language | None:
    """The language, None when it is not said; a violation for a value that does not exist."""
    if value not in _FROM_PROTO:
        violations.add(field, "is a value that this service does not know; give EN or FR")
        return None
    return _FROM_PROTO[language_pb2.Language.ValueType(value)]


def show_language(language: Language | None) -> language_pb2.Language.ValueType:
    """The contract's value."""
    return _TO_PROTO[language]
