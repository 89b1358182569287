"""Sets an instance up as examples/northwind/instance.json says; what exists by its name is kept."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.field_mask_pb2 import FieldMask

from outbound_sms.cli import names
from outboundsms import Client
from outboundsms.v1 import (
    contacts_pb2,
    directory_pb2,
    settings_pb2,
    signatures_pb2,
    triggers_pb2,
)

Json = dict[str, Any]

# examples/ is beside server/ in the source tree, and is not part of the installed package.
FOLDER = Path(__file__).resolve().parents[4] / "examples" / "northwind"


@dataclass(frozen=True, slots=True)
class Example:
    """A folder with `instance.json` and `subscribers.csv`."""

    folder: Path

    @property
    def subscribers(self) -> Path:
        """The export of subscribers."""
        return self.folder / "subscribers.csv"

    def read(self) -> Json:
        """What the instance consists of. Raises OSError or ValueError."""
        found: Json = json.loads((self.folder / "instance.json").read_text(encoding="utf-8"))
        return found

    @property
    def triggered_message(self) -> str | None:
        """The name of the first triggered message; None when there is none."""
        wanted = self.read().get("triggered_messages")
        return str(wanted[0]["name"]) if wanted else None


async def set_up(client: Client, example: Example) -> None:
    """Creates what the instance lacks, in an order in which everything finds what it refers to."""
    wanted = example.read()
    await _settings(client, wanted["settings"])
    await _companies(client, wanted["companies"])
    await _departments(client, wanted["departments"])
    await _phone_number_types(client, wanted["phone_number_types"])
    await _message_categories(client, wanted["message_categories"])
    await _signatures(client, wanted["signatures"])
    await _sending_numbers(client, wanted["sending_numbers"])
    await _triggered_messages(client, wanted.get("triggered_messages", []))


async def _settings(client: Client, wanted: Json) -> None:
    request = settings_pb2.UpdateSmsSettingsRequest(update_mask=FieldMask(paths=list(wanted)))
    json_format.ParseDict(wanted, request.settings)
    await client.settings.UpdateSmsSettings(request)


async def _companies(client: Client, wanted: list[Json]) -> None:
    known = await names.company_ids(client)
    for each in wanted:
        if each["name"] not in known:
            request = directory_pb2.CreateCompanyRequest()
            json_format.ParseDict(each, request.company)
            await client.directory.CreateCompany(request)


async def _departments(client: Client, wanted: list[Json]) -> None:
    known = await names.department_ids(client)
    companies = await names.company_ids(client)
    for each in wanted:
        department_id = known.get(each["name"])
        if department_id is None:
            request = directory_pb2.CreateDepartmentRequest(name=each["name"])
            answer = await client.directory.CreateDepartment(request)
            department_id = answer.department.department_id
        for reached in each["answers"]:
            pair = directory_pb2.CompanyDepartment(
                company_id=companies[reached["company"]],
                department_id=department_id,
                phone_number=reached.get("phone_number", ""),
                email_address=reached.get("email_address", ""),
            )
            await client.directory.SetCompanyDepartment(
                directory_pb2.SetCompanyDepartmentRequest(company_department=pair)
            )


async def _phone_number_types(client: Client, wanted: list[Json]) -> None:
    known = await names.phone_number_type_ids(client)
    for each in wanted:
        if each["name"] not in known:
            request = contacts_pb2.CreatePhoneNumberTypeRequest()
            json_format.ParseDict(each, request.phone_number_type)
            await client.contacts.CreatePhoneNumberType(request)


async def _message_categories(client: Client, wanted: list[Json]) -> None:
    known = await names.message_category_ids(client)
    for each in wanted:
        if each["name"] not in known:
            request = json_format.ParseDict(each, contacts_pb2.CreateMessageCategoryRequest())
            await client.contacts.CreateMessageCategory(request)


async def _signatures(client: Client, wanted: list[Json]) -> None:
    known = await names.signature_ids(client)
    departments = await names.department_ids(client)
    for each in wanted:
        if each["name"] not in known:
            request = signatures_pb2.CreateSignatureRequest()
            values = {key: value for key, value in each.items() if key != "department"}
            json_format.ParseDict(values, request.signature)
            request.signature.department_id = departments[each["department"]]
            await client.signatures.CreateSignature(request)


async def _sending_numbers(client: Client, wanted: list[Json]) -> None:
    known = await names.sending_number_ids(client)
    for each in wanted:
        if each["number"] not in known:
            request = settings_pb2.CreateSendingNumberRequest()
            json_format.ParseDict(each, request.sending_number)
            await client.settings.CreateSendingNumber(request)


async def _triggered_messages(client: Client, wanted: list[Json]) -> None:
    known = await names.triggered_message_ids(client)
    for each in wanted:
        if each["name"] not in known:
            request = triggers_pb2.CreateTriggeredMessageRequest()
            json_format.ParseDict(each, request.triggered_message)
            await client.triggers.CreateTriggeredMessage(request)
