"""Short ways to call Directory and Contacts, for tests that need things to be there."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from outboundsms.v1 import contacts_pb2, directory_pb2
from outboundsms.v1.contacts_pb2_grpc import ContactsStub
from outboundsms.v1.directory_pb2_grpc import DirectoryStub
from tests.services.running import Stubs

NOBODY = "01890000-0000-7000-8000-000000000000"


async def make_company(
    stub: Stubs, name: str = "Northwind", key: str | None = None, **fields: Any
) -> directory_pb2.Company:
    """A company in the US, the default one unless told otherwise."""
    values: dict[str, Any] = {"country": "US", "is_default": True} | fields
    company = directory_pb2.Company(name=name, **values)
    request = directory_pb2.CreateCompanyRequest(company=company)
    made: directory_pb2.Company = (await stub(DirectoryStub, key).CreateCompany(request)).company
    return made


async def make_account(
    stub: Stubs, number: str = "A1", key: str | None = None, **fields: Any
) -> str:
    """The id of a new account."""
    account = directory_pb2.Account(account_number=number, name=f"Account {number}", **fields)
    request = directory_pb2.UpsertAccountsRequest(accounts=[account])
    answer = await stub(DirectoryStub, key).UpsertAccounts(request)
    return str(answer.account_ids[0])


async def make_type(
    stub: Stubs, name: str = "Mobile", key: str | None = None, *, sms_capable: bool = True
) -> str:
    """The id of a new phone number type."""
    made = contacts_pb2.PhoneNumberType(name=name, sms_capable=sms_capable)
    request = contacts_pb2.CreatePhoneNumberTypeRequest(phone_number_type=made)
    answer = await stub(ContactsStub, key).CreatePhoneNumberType(request)
    return str(answer.phone_number_type.phone_number_type_id)


async def make_contact(
    stub: Stubs, account_id: str, name: str = "Ada Moreau", key: str | None = None, **fields: Any
) -> contacts_pb2.Contact:
    """A contact of an account."""
    contact = contacts_pb2.Contact(account_id=account_id, name=name, **fields)
    request = contacts_pb2.CreateContactRequest(contact=contact)
    made: contacts_pb2.Contact = (await stub(ContactsStub, key).CreateContact(request)).contact
    return made


def row(line: int = 2, /, **texts: str) -> directory_pb2.ImportRow:
    """A row with the account A1 unless it says otherwise."""
    values = {"account_number": "A1", "account_name": "Ada Moreau"} | texts
    return directory_pb2.ImportRow(line=line, values=values)


async def import_rows(
    stub: Stubs,
    *requests: Sequence[directory_pb2.ImportRow],
    key: str | None = None,
) -> list[directory_pb2.ImportResponse]:
    """Imports each sequence of rows as one request of a stream; the answers in order."""
    sent = (directory_pb2.ImportRequest(rows=rows) for rows in requests)
    call = stub(DirectoryStub, key).Import(_each(sent))
    return [answer async for answer in call]


def refusals(answer: directory_pb2.ImportResponse) -> list[tuple[int, str]]:
    """Line and column of each refusal."""
    return [(refused.line, refused.column) for refused in answer.refused]


def written(answer: directory_pb2.ImportResponse) -> Mapping[str, int]:
    """The counts of what an import wrote, those that are 0 left out."""
    counts = {
        field.name: getattr(answer, field.name)
        for field in answer.DESCRIPTOR.fields
        if field.name.endswith(("_created", "_changed"))
    }
    return {name: count for name, count in counts.items() if count}


async def _each(requests: Iterable[directory_pb2.ImportRequest]) -> Any:
    for request in requests:
        yield request
