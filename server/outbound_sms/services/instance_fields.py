"""Instances as they are sent and received."""

from typing import Any

from outbound_sms.domain.country import is_country
from outbound_sms.domain.currency import CURRENCIES, default_currency
from outbound_sms.domain.errors import Violations
from outbound_sms.domain.instance import LONGEST_NAME, DataCenter, Instance, InstanceValues
from outbound_sms.domain.language import Language
from outbound_sms.domain.text_field import check_text
from outbound_sms.domain.time_zone import parse_zone
from outbound_sms.rpc.fields import check_enum, to_timestamp
from outbound_sms.services.language_fields import read_language, show_language
from outboundsms.v1 import instances_pb2 as pb

CHANGEABLE = frozenset({"name", "country", "data_center"})

_DATA_CENTERS = {
    DataCenter.US: pb.DATA_CENTER_US,
    DataCenter.CANADA: pb.DATA_CENTER_CANADA,
}
_BY_NUMBER = {number: data_center for data_center, number in _DATA_CENTERS.items()}


def read_new(given: pb.Instance) -> InstanceValues:
    """The values of an instance to create. Raises InvalidRequest with all that is wrong."""
    violations = Violations()
    mask = CHANGEABLE if given.data_center else CHANGEABLE - {"data_center"}
    change = read_change(violations, given, mask)
    currency = given.currency or default_currency(given.country)
    if currency not in CURRENCIES:
        violations.add("instance.currency", "is not an ISO 4217 code; give for example USD")
    try:
        parse_zone(given.time_zone)
    except ValueError as error:
        violations.add("instance.time_zone", f"is {error}")
    language = read_language(violations, "instance.default_language", given.default_language)
    violations.raise_if_any()
    return InstanceValues(
        **change,
        currency=currency,
        time_zone=given.time_zone,
        default_language=language or Language.EN,
    )


def read_change(violations: Violations, given: pb.Instance, mask: frozenset[str]) -> dict[str, Any]:
    """The values that the mask names, by field; worth using only when there is no violation."""
    change: dict[str, Any] = {}
    if "name" in mask:
        change["name"] = check_text(
            violations, "instance.name", given.name, required=True, longest=LONGEST_NAME
        )
    if "country" in mask:
        if not is_country(given.country):
            violations.add("instance.country", "is not an ISO 3166 code; give for example US")
        change["country"] = given.country
    if "data_center" in mask and check_enum(
        violations, "instance.data_center", given.data_center, pb.DataCenter
    ):
        change["data_center"] = _BY_NUMBER[given.data_center]
    return change


def show(instance: Instance) -> pb.Instance:
    """The instance as the contract has it."""
    values = instance.values
    return pb.Instance(
        instance_id=str(instance.id),
        name=values.name,
        country=values.country,
        data_center=_DATA_CENTERS[values.data_center],
        currency=values.currency,
        time_zone=values.time_zone,
        default_language=show_language(values.default_language),
        sms_available=values.sms_available,
        sms_enabled=instance.sms_enabled,
        etag=str(instance.version),
        create_time=to_timestamp(instance.create_time),
    )
