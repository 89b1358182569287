"""Repeated fields: lists of ids and of short texts."""

from collections.abc import Sequence
from uuid import UUID

from outbound_sms.domain.errors import Violations
from outbound_sms.domain.text_field import check_text
from outbound_sms.rpc.fields import parse_id


def check_length(
    violations: Violations, field: str, given: int, most: int, *, fewest: int = 0
) -> bool:
    """Whether a list has neither too few nor too many elements; a violation when not."""
    if fewest <= given <= most:
        return True
    violations.add(field, f"has {given} elements; give {fewest} to {most}")
    return False


def read_ids(
    violations: Violations, field: str, values: Sequence[str], most: int
) -> tuple[UUID, ...]:
    """The ids, each once, in their order. A list that is too long is not read any further."""
    if not check_length(violations, field, len(values), most):
        return ()
    ids = (parse_id(violations, f"{field}[{i}]", value) for i, value in enumerate(values))
    return tuple(dict.fromkeys(id_ for id_ in ids if id_ is not None))


def read_labels(
    violations: Violations,
    field: str,
    values: Sequence[str],
    most: int,
    longest: int,
    *,
    fewest: int = 0,
) -> tuple[str, ...]:
    """The texts in their order. A list that is too long is not read any further."""
    if not check_length(violations, field, len(values), most, fewest=fewest):
        return ()
    return tuple(
        check_text(violations, f"{field}[{i}]", value, required=True, longest=longest)
        for i, value in enumerate(values)
    )
