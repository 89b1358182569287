"""Finding things of the instance by the names that people know them by."""

import difflib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Protocol, TypeVar

import click

from outboundsms import Client
from outboundsms.v1 import (
    contacts_pb2,
    directory_pb2,
    settings_pb2,
    signatures_pb2,
    triggers_pb2,
)

LARGEST_PAGE = 1_000


class _PageRequest(Protocol):
    page_size: int
    page_token: str


class _Page(Protocol):
    @property
    def next_page_token(self) -> str: ...


Request = TypeVar("Request", bound=_PageRequest)
Page = TypeVar("Page", bound=_Page)


async def pages(
    call: Callable[[Request], Awaitable[Page]], request: Request
) -> AsyncIterator[Page]:
    """Every page of a list, from `request` on."""
    while True:
        page = await call(request)
        yield page
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


async def company_ids(client: Client) -> dict[str, str]:
    """Companies by name."""
    request = directory_pb2.ListCompaniesRequest(page_size=LARGEST_PAGE)
    return {
        each.name: each.company_id
        async for page in pages(client.directory.ListCompanies, request)
        for each in page.companies
    }


async def department_ids(client: Client) -> dict[str, str]:
    """Departments by name."""
    request = directory_pb2.ListDepartmentsRequest(page_size=LARGEST_PAGE)
    return {
        each.name: each.department_id
        async for page in pages(client.directory.ListDepartments, request)
        for each in page.departments
    }


async def network_site_ids(client: Client) -> dict[str, str]:
    """Network sites by name."""
    request = directory_pb2.ListNetworkSitesRequest(page_size=LARGEST_PAGE)
    return {
        each.name: each.network_site_id
        async for page in pages(client.directory.ListNetworkSites, request)
        for each in page.network_sites
    }


async def phone_number_type_ids(client: Client) -> dict[str, str]:
    """Phone number types by name."""
    request = contacts_pb2.ListPhoneNumberTypesRequest(page_size=LARGEST_PAGE)
    return {
        each.name: each.phone_number_type_id
        async for page in pages(client.contacts.ListPhoneNumberTypes, request)
        for each in page.phone_number_types
    }


async def message_category_ids(client: Client) -> dict[str, str]:
    """Message categories by name."""
    request = contacts_pb2.ListMessageCategoriesRequest(page_size=LARGEST_PAGE)
    return {
        each.name: each.message_category_id
        async for page in pages(client.contacts.ListMessageCategories, request)
        for each in page.message_categories
    }


async def signature_ids(client: Client) -> dict[str, str]:
    """Signatures by name."""
    request = signatures_pb2.ListSignaturesRequest(page_size=LARGEST_PAGE)
    return {
        each.name: each.signature_id
        async for page in pages(client.signatures.ListSignatures, request)
        for each in page.signatures
    }


async def sending_number_ids(client: Client) -> dict[str, str]:
    """Sending numbers by number, E.164."""
    request = settings_pb2.ListSendingNumbersRequest(page_size=LARGEST_PAGE)
    return {
        each.number: each.sending_number_id
        async for page in pages(client.settings.ListSendingNumbers, request)
        for each in page.sending_numbers
    }


async def triggered_message_ids(client: Client) -> dict[str, str]:
    """Triggered messages by name."""
    request = triggers_pb2.ListTriggeredMessagesRequest(page_size=LARGEST_PAGE)
    return {
        each.name: each.triggered_message_id
        async for page in pages(client.triggers.ListTriggeredMessages, request)
        for each in page.triggered_messages
    }


async def id_of(
    client: Client,
    option: str,
    wanted: str,
    known: Callable[[Client], Awaitable[dict[str, str]]],
) -> str:
    """The id of the one name or id that was given for `option`; empty when that is empty."""
    return (await ids_of(client, option, [wanted], known))[0] if wanted else ""


async def ids_of(
    client: Client,
    option: str,
    wanted: Iterable[str],
    known: Callable[[Client], Awaitable[dict[str, str]]],
) -> list[str]:
    """The ids of names or ids that were given for `option`. Raises UsageError for unknown names."""
    names = [name for name in wanted if not _is_id(name)]
    found = await known(client) if names else {}
    for name in names:
        if name not in found:
            raise click.UsageError(f"{option}: there is no {name!r}. {_hint(name, found)}")
    return [found.get(name, name) for name in wanted]


def _hint(name: str, found: dict[str, str]) -> str:
    near = difflib.get_close_matches(name, found, n=5, cutoff=0.5) or sorted(found)[:10]
    return f"Is it one of: {', '.join(near)}?" if near else "There are none yet."


def _is_id(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
