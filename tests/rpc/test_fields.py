"""Reading the fields that many requests have."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from outbound_sms.domain.errors import InvalidRequest, Violations
from outbound_sms.rpc.fields import (
    check_enum,
    parse_etag,
    parse_id,
    read_mask,
    to_datetime,
    to_timestamp,
)
from outboundsms.v1.settings_pb2 import BillingRule

ID = "01a20705-c6ad-77e0-914e-3841ccde1c73"


def found(violations: Violations) -> list[str]:
    try:
        violations.raise_if_any()
    except InvalidRequest as error:
        return [violation.field for violation in error.violations]
    return []


@pytest.mark.parametrize(
    "value", ["1", ID.replace("-", ""), f"{{{ID}}}", f"urn:uuid:{ID}", ID[:-1] + "g", "é" * 36]
)
def test_only_an_id_as_it_was_given_out_is_one(value: str) -> None:
    violations = Violations()
    assert parse_id(violations, "id", value) is None
    assert found(violations) == ["id"]
    assert parse_id(violations, "id", ID) == UUID(ID)
    assert found(violations) == ["id"]


def test_an_id_may_be_left_out_only_where_it_is_optional() -> None:
    violations = Violations()
    assert parse_id(violations, "a", "", required=False) is None
    assert parse_id(violations, "b", "") is None
    assert found(violations) == ["b"]


def test_a_mask_names_what_may_change() -> None:
    violations = Violations()
    allowed = {"name", "enabled"}
    assert read_mask(violations, FieldMask(paths=["name", "name"]), allowed) == {"name"}
    assert found(violations) == []
    assert read_mask(violations, FieldMask(paths=["name", "id", "*"]), allowed) == {"name"}
    assert read_mask(violations, FieldMask(), allowed) == frozenset()
    assert found(violations) == ["update_mask"] * 3


def test_times_go_there_and_back() -> None:
    violations = Violations()
    moment = datetime(2026, 11, 23, 6, 30, 0, 123456, tzinfo=UTC)
    assert to_datetime(violations, "t", to_timestamp(moment)) == moment
    assert to_datetime(violations, "t", None) is None
    assert to_timestamp(None) is None
    assert found(violations) == []


@pytest.mark.parametrize(("seconds", "nanos"), [(2**62, 0), (-(2**62), 0), (0, -1), (0, 2**30)])
def test_a_time_that_no_calendar_has_is_refused(seconds: int, nanos: int) -> None:
    violations = Violations()
    assert to_datetime(violations, "t", Timestamp(seconds=seconds, nanos=nanos)) is None
    assert found(violations) == ["t"]


@pytest.mark.parametrize(("value", "good"), [(1, True), (2, True), (0, False), (9, False)])
def test_an_enum_value_must_be_one_of_the_contract(value: int, good: bool) -> None:
    violations = Violations()
    assert check_enum(violations, "rule", value, BillingRule) is good
    assert found(violations) == ([] if good else ["rule"])


def test_an_etag_is_a_version_or_nothing() -> None:
    violations = Violations()
    assert parse_etag(violations, "") is None
    assert parse_etag(violations, "7") == 7
    assert found(violations) == []
    for bad in ("0", "-1", "x", "²", "1.0", "2147483648", "9" * 100):
        assert parse_etag(violations, bad, "company.etag") is None
    assert found(violations) == ["company.etag"] * 7
