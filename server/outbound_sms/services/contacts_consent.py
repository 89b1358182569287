"""The record of consents, and the numbers that replied STOP."""

from collections.abc import AsyncGenerator
from datetime import datetime
from functools import partial
from typing import Any

from outbound_sms.domain.errors import Violations
from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.fields import to_datetime, to_timestamp
from outbound_sms.rpc.pages import Pages
from outbound_sms.services import phone_number_fields
from outbound_sms.services.paging import read_page
from outbound_sms.store import consent
from outbound_sms.store.consent import ConsentEvent, ConsentFilter, Suppression
from outbound_sms.store.pool import Pool
from outboundsms.v1 import contacts_pb2 as pb

# Of an answer to an export: about 30 kB, and more where people wrote much.
_EXPORT_SIZE = 100

# Between the time and the number of a suppression in the key of a page.
_SEPARATOR = " "


class ConsentMethods:
    """The part of `outboundsms.v1.Contacts` about who agreed to what, and when."""

    _pool: Pool
    _pages: Pages

    async def ListConsentEvents(
        self, request: pb.ListConsentEventsRequest, context: Any
    ) -> pb.ListConsentEventsResponse:
        violations = Violations()
        e164 = phone_number_fields.read_filter(violations, "number", request.number)
        violations.raise_if_any()
        instance_id = current_caller().instance_id
        fetch = partial(consent.list_events, self._pool, instance_id, e164=e164)
        found, token = await read_page(self._pages, request, fetch)
        return pb.ListConsentEventsResponse(
            consent_events=map(_show_event, found), next_page_token=token
        )

    async def ExportConsentEvents(
        self, request: pb.ExportConsentEventsRequest, context: Any
    ) -> AsyncGenerator[pb.ExportConsentEventsResponse, None]:
        """Page by page, so that no snapshot is held for a client that reads slowly.

        The last event is looked for first: what is recorded meanwhile does not keep it going.
        """
        wanted = _read_filter(request)
        instance_id = current_caller().instance_id
        last = await consent.last_event(self._pool, instance_id)
        after = None
        while last is not None:
            found = await consent.list_events_forward(
                self._pool, instance_id, wanted, after, last, _EXPORT_SIZE
            )
            if found:
                yield pb.ExportConsentEventsResponse(consent_events=map(_show_event, found))
            if len(found) < _EXPORT_SIZE:
                return
            after = found[-1].id

    async def ListSuppressions(
        self, request: pb.ListSuppressionsRequest, context: Any
    ) -> pb.ListSuppressionsResponse:
        page = self._pages.read(request)
        found = await consent.list_suppressions(
            self._pool, current_caller().instance_id, _read_key(page.after), page.size + 1
        )
        shown = found[: page.size]
        token = ""
        if len(found) > page.size:
            token = self._pages.next_token(request, _make_key(shown[-1]))
        return pb.ListSuppressionsResponse(
            suppressions=map(_show_suppression, shown), next_page_token=token
        )


def _read_filter(request: pb.ExportConsentEventsRequest) -> ConsentFilter:
    """The filters of an export. Raises InvalidRequest."""
    violations = Violations()
    e164 = phone_number_fields.read_filter(violations, "number", request.number)
    start, end = [
        to_datetime(violations, field, getattr(request, field) if request.HasField(field) else None)
        for field in ("start_time", "end_time")
    ]
    if start is not None and end is not None and start >= end:
        violations.add("end_time", "is not after start_time; give a later one")
    violations.raise_if_any()
    return ConsentFilter(e164, start, end)


def _make_key(suppression: Suppression) -> str:
    return f"{suppression.create_time.isoformat()}{_SEPARATOR}{suppression.e164}"


def _read_key(key: str | None) -> tuple[datetime, str] | None:
    if key is None:
        return None
    moment, _, e164 = key.partition(_SEPARATOR)
    return datetime.fromisoformat(moment), e164


def _show_event(event: ConsentEvent) -> pb.ConsentEvent:
    return pb.ConsentEvent(
        consent_event_id=str(event.id),
        contact_id=str(event.contact_id or ""),
        phone_number_id=str(event.phone_number_id or ""),
        number=event.e164,
        kind=pb.ConsentEventKind.ValueType(event.kind),
        source=pb.ConsentSource.ValueType(event.source),
        actor=event.actor,
        evidence=event.evidence,
        occur_time=to_timestamp(event.occur_time),
        create_time=to_timestamp(event.create_time),
    )


def _show_suppression(suppression: Suppression) -> pb.Suppression:
    return pb.Suppression(
        number=suppression.e164,
        source=pb.ConsentSource.ValueType(suppression.source),
        create_time=to_timestamp(suppression.create_time),
    )
