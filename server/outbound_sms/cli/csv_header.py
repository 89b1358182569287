"""The header of a CSV export: which of its columns are which of an import's."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from outbound_sms.domain.import_row import COLUMNS, REQUIRED_COLUMNS

# What billing systems call their columns, in English and French, as `_key` spells it.
SYNONYMS: Mapping[str, str] = MappingProxyType(
    {
        "account": "account_number",
        "accountid": "account_number",
        "accountno": "account_number",
        "customernumber": "account_number",
        "customerid": "account_number",
        "subscribernumber": "account_number",
        "numerodecompte": "account_number",
        "compte": "account_number",
        "customername": "account_name",
        "subscribername": "account_name",
        "nomducompte": "account_name",
        "brand": "company",
        "compagnie": "company",
        "entreprise": "company",
        "accountstatus": "status",
        "statut": "status",
        "accounttype": "type",
        "group": "groups",
        "accountgroups": "groups",
        "groupes": "groups",
        "service": "services",
        "package": "services",
        "forfaits": "services",
        "inventory": "inventory_items",
        "inventoryitem": "inventory_items",
        "equipment": "inventory_items",
        "equipement": "inventory_items",
        "subnet": "subnets",
        "sousreseaux": "subnets",
        "ippool": "ip_pools",
        "site": "network_sites",
        "sites": "network_sites",
        "networksite": "network_sites",
        "tower": "network_sites",
        "sitereseau": "network_sites",
        "parentaccount": "parent_account_number",
        "parent": "parent_account_number",
        "compteparent": "parent_account_number",
        "accountlanguage": "language",
        "langue": "language",
        "isdelinquent": "delinquent",
        "ensouffrance": "delinquent",
        "state": "region",
        "province": "region",
        "stateprovince": "region",
        "provincestate": "region",
        "territory": "region",
        "contact": "contact_name",
        "contactfullname": "contact_name",
        "nomducontact": "contact_name",
        "role": "contact_role",
        "title": "contact_role",
        "primary": "contact_primary",
        "primarycontact": "contact_primary",
        "isprimary": "contact_primary",
        "contactprincipal": "contact_primary",
        "languageofcontact": "contact_language",
        "email": "contact_email",
        "emailaddress": "contact_email",
        "contactemailaddress": "contact_email",
        "courriel": "contact_email",
        "timezone": "contact_time_zone",
        "fuseauhoraire": "contact_time_zone",
        "categories": "message_categories",
        "messagecategory": "message_categories",
        "phone": "phone_number",
        "telephone": "phone_number",
        "mobile": "phone_number",
        "mobilenumber": "phone_number",
        "cell": "phone_number",
        "contactphone": "phone_number",
        "country": "phone_country",
        "pays": "phone_country",
        "extension": "phone_extension",
        "ext": "phone_extension",
        "poste": "phone_extension",
        "phonenumbertype": "phone_type",
        "numbertype": "phone_type",
        "typedetelephone": "phone_type",
        "optin": "sms_opt_in",
        "smsoptedin": "sms_opt_in",
        "smsconsent": "sms_opt_in",
        "smsconsentement": "sms_opt_in",
        "consentdate": "consent_time",
        "optintime": "consent_time",
        "optindate": "consent_time",
        "optinsource": "consent_source",
        "consenttext": "consent_evidence",
        "evidence": "consent_evidence",
    }
)


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says. `columns`: the import's column for each cell, None for one to leave out.

    With `errors` the file cannot be imported; `warnings` name the columns that are left out.
    """

    columns: tuple[str | None, ...]
    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def check_header(cells: Sequence[str]) -> Header:
    """Finds the columns by name, whatever their case, spaces, underscores and accents."""
    columns = tuple(column_of(cell) for cell in cells)
    errors = [
        f"There is no column {name}; add it, or name the one that holds it so."
        for name in REQUIRED_COLUMNS
        if name not in columns
    ]
    first: dict[str, str] = {}
    for cell, column in zip(cells, columns, strict=True):
        if column is None:
            continue
        if column in first:
            errors.append(
                f"The columns {first[column]!r} and {cell.strip()!r} are both {column}; rename one."
            )
        first.setdefault(column, cell.strip())
    warnings = [
        f"The column {cell.strip()!r} is not one of an import and is left out."
        for cell, column in zip(cells, columns, strict=True)
        if column is None and cell.strip()
    ]
    return Header(columns, tuple(errors), tuple(warnings))


def column_of(cell: str) -> str | None:
    """The import's column that a header cell names, None when it names none."""
    key = _key(cell)
    return _BY_KEY.get(key) or SYNONYMS.get(key)


def _key(name: str) -> str:
    folded = unicodedata.normalize("NFKD", name.replace("#", "number").casefold())
    return "".join(character for character in folded if character.isalnum())


_BY_KEY = {_key(name): name for name in COLUMNS}
