"""Makes the example ISP: two companies, six network sites, 5,000 accounts, about 7,500 contacts.

    python examples/make_example_isp.py [FOLDER]

The same files come out every time. All phone numbers are 555-0100 to 555-0199, which belong to
nobody; the people exist nowhere either. About 25 rows are wrong on purpose.
"""

import csv
import random
import sys
from pathlib import Path

from example_brands import Brand, brands
from example_wrong_rows import WRONG

SEED = 20_260_331

COLUMNS = (
    "Account #",
    "Account Name",
    "Company",
    "Status",
    "Type",
    "Groups",
    "Services",
    "Network Sites",
    "Inventory Items",
    "Subnets",
    "IP Pools",
    "Parent Account",
    "Language",
    "Delinquent",
    "Contact Name",
    "Contact Role",
    "Primary Contact",
    "Email",
    "Phone",
    "Extension",
    "Phone Type",
    "SMS Opt In",
    "Consent Source",
    "Consent Time",
)
STATUSES = ("Active",) * 90 + ("Suspended",) * 4 + ("Inactive",) * 6
CONSENT_SOURCES = ("web",) * 5 + ("paper",) * 3 + ("phone",) * 2


def account_rows(chance: random.Random, brand: Brand, index: int) -> list[dict[str, str]]:
    """The rows of one account: one for each contact, one more for each further number."""
    business = chance.random() < 0.12
    last = chance.choice(brand.last)
    weights = [share for *_, share in brand.sites]
    [(site, equipment, _)] = chance.choices(brand.sites, weights=weights)
    port = chance.randrange(1, 9)
    account = dict.fromkeys(COLUMNS, "") | {
        "Account #": f"{brand.prefix}-{10_000 + index}",
        "Company": brand.company,
        "Status": chance.choice(STATUSES),
        "Type": "Business" if business else "Residential",
        "Groups": chance.choice(brand.groups),
        "Services": chance.choice(brand.services),
        "Network Sites": site,
        "Inventory Items": f"{equipment}-{port}",
        "Subnets": f"10.{port}.{chance.randrange(16)}.0/24",
        "IP Pools": f"static-{port}" if business else "",
        "Language": brand.language,
        "Delinquent": brand.yes if chance.random() < 0.05 else brand.no,
    }
    if index > 50 and chance.random() < 0.01:
        account["Parent Account"] = f"{brand.prefix}-{10_000 + chance.randrange(50)}"
    people = chance.choices((1, 2, 3), weights=(56, 38, 6))[0]
    firsts = chance.sample(brand.first, people)
    if business:
        account["Account Name"] = _business_name(chance, brand, last)
    else:
        account["Account Name"] = f"{firsts[0]} {last}"
    rows = []
    for place, first in enumerate(firsts):
        rows.extend(contact_rows(chance, brand, account, f"{first} {last}", place, business))
    if people > 1 and chance.random() < 0.04:
        # Two people who share one telephone: one text is enough for both.
        shared = ("Phone", "Extension", "Phone Type")
        rows[-1].update({column: rows[0][column] for column in shared})
    return rows


def contact_rows(
    chance: random.Random,
    brand: Brand,
    account: dict[str, str],
    name: str,
    place: int,
    business: bool,
) -> list[dict[str, str]]:
    """The row of a contact, and another for a second number."""
    row = account | {
        "Contact Name": name,
        "Contact Role": chance.choice(("Owner", "Manager", "Billing")) if business else "",
        "Primary Contact": brand.yes if place == 0 else brand.no,
    }
    if chance.random() < 0.2:
        row["Email"] = f"{account['Account #'].lower()}.{place}@example.com"
    if chance.random() < 0.03:
        return [row]
    _add_number(chance, brand, row, business)
    rows = [row]
    if chance.random() < 0.05:
        second = row | {"Extension": ""}
        _add_number(chance, brand, second, business)
        rows.append(second)
    if chance.random() < 0.004:
        rows.append(dict(row))
    return rows


def _add_number(chance: random.Random, brand: Brand, row: dict[str, str], business: bool) -> None:
    landline = chance.random() < (0.45 if business else 0.1)
    row["Phone"] = brand.numbers.next()
    row["Phone Type"] = "Landline" if landline else "Mobile"
    if landline and business and chance.random() < 0.4:
        extension = str(chance.randrange(10, 400))
        if chance.random() < 0.5:
            row["Extension"] = extension
        else:
            row["Phone"] += f" x{extension}"
    # A few opted in with a landline, which cannot be texted; empty means that nobody asked them.
    agreed = chance.random() < (0.05 if landline else 0.82)
    row["SMS Opt In"] = brand.yes if agreed else chance.choice((brand.no, ""))
    row["Consent Source"] = chance.choice(CONSENT_SOURCES) if agreed else ""
    row["Consent Time"] = (
        f"202{chance.randrange(2, 6)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}"
        if agreed
        else ""
    )


def _business_name(chance: random.Random, brand: Brand, last: str) -> str:
    kind = chance.choice(brand.businesses)
    if brand.language == "en":
        return chance.choice((f"{last} {kind}", f"{last} {kind}, Inc.", f'"{last}" {kind}'))
    return chance.choice((f"{kind} {last}", f"{kind} {last}, enr."))


def make_rows() -> list[dict[str, str]]:
    """All rows, the wrong ones scattered among them."""
    chance = random.Random(SEED)
    english, french = brands(chance)
    rows = []
    for brand in (english, french):
        for index in range(brand.accounts):
            rows.extend(account_rows(chance, brand, index))
    for number, (change, _) in enumerate(WRONG):
        account = account_rows(chance, english, 90_000 + number)[0]
        account["Parent Account"] = ""
        account["Phone"] = account["Phone"] or "212-555-0100"
        account["Phone Type"] = account["Phone Type"] or "Mobile"
        rows.insert(chance.randrange(len(rows)), account | change)
    return rows


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("northwind")
    folder.mkdir(parents=True, exist_ok=True)
    rows = make_rows()
    with (folder / "subscribers.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    french = [row for row in rows if row["Company"] == "Fibre Boréale" and "œ" not in str(row)]
    small = french[:40]
    with (folder / "latin1.csv").open("w", encoding="latin-1", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(row | {"Account Name": f"{row['Account Name']}, Québec"} for row in small)


if __name__ == "__main__":
    main()
