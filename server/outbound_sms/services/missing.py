"""Answers for things that do not exist, or belong to another instance, which looks the same."""

from collections.abc import Collection, Iterable
from uuid import UUID

from outbound_sms.domain.errors import Conflict, NotFound, Reason


def not_found(reason: Reason, thing: str, id_: UUID | str) -> NotFound:
    """`thing` as people call it, for example `company`."""
    return NotFound(reason, f"There is no such {thing}; list to find its id.", id=str(id_))


def check_all_exist(
    reason: Reason, thing: str, wanted: Iterable[UUID], found: Collection[UUID]
) -> None:
    """Raises NotFound for the first wanted id that was not found."""
    for id_ in wanted:
        if id_ not in found:
            raise not_found(reason, thing, id_)


def check_etag(given: int | None, version: int) -> None:
    """Raises Conflict with ETAG_MISMATCH unless the etag is the stored row's, or not given."""
    if given is not None and given != version:
        raise Conflict(
            Reason.ETAG_MISMATCH,
            "It was changed since it was read; read it again and repeat.",
            etag=str(version),
        )
