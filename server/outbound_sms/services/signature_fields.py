"""Signatures as they are sent and received."""

from typing import Any

from outbound_sms.domain.errors import Violations
from outbound_sms.domain.language import Language
from outbound_sms.domain.signature import SignatureTemplate, signature_text
from outbound_sms.domain.text_field import check_text
from outbound_sms.rpc.fields import check_enum, parse_id, to_timestamp
from outbound_sms.services.language_fields import show_language
from outbound_sms.store.signatures import Signature, SignatureValues
from outboundsms.v1 import signatures_pb2 as pb

LONGEST_NAME = 100
_FLAGS = frozenset({"mass_default", "triggered_default"})
CHANGEABLE = frozenset({"name", "department_id", "template"}) | _FLAGS


def read_values(given: pb.Signature) -> SignatureValues:
    """The values of a signature to create. Raises InvalidRequest with all that is wrong."""
    violations = Violations()
    change = read_change(violations, given, CHANGEABLE)
    violations.raise_if_any()
    return SignatureValues(**change)


def read_change(
    violations: Violations, given: pb.Signature, mask: frozenset[str]
) -> dict[str, Any]:
    """The values that the mask names, by field; worth using only when there is no violation."""
    change: dict[str, Any] = {}
    if "name" in mask:
        change["name"] = check_text(
            violations, "signature.name", given.name, required=True, longest=LONGEST_NAME
        )
    if "department_id" in mask:
        change["department_id"] = parse_id(
            violations, "signature.department_id", given.department_id
        )
    if "template" in mask and check_enum(
        violations, "signature.template", given.template, pb.SignatureTemplate
    ):
        change["template"] = SignatureTemplate(given.template)
    change |= {flag: getattr(given, flag) for flag in _FLAGS & mask}
    return change


def show(stored: Signature) -> pb.Signature:
    """The signature as the contract has it."""
    values = stored.values
    return pb.Signature(
        signature_id=str(stored.id),
        name=values.name,
        department_id=str(values.department_id),
        template=pb.SignatureTemplate.ValueType(values.template),
        mass_default=values.mass_default,
        triggered_default=values.triggered_default,
        etag=str(stored.version),
        create_time=to_timestamp(stored.create_time),
    )


def show_templates() -> list[pb.SignatureTemplateText]:
    """The six templates in each language, with their variables."""
    return [
        pb.SignatureTemplateText(
            template=pb.SignatureTemplate.ValueType(template),
            language=show_language(language),
            text=signature_text(template, language),
        )
        for template in SignatureTemplate
        for language in Language
    ]
