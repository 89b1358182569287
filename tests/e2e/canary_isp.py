"""An ISP all of whose subscribers have personal values that must not leave the database."""

import csv
from pathlib import Path

from outbound_sms.store.pool import Pool
from tests.e2e.canaries import Canaries, Canary

NAME = "Zephyrine Quillfeather"
HOUSEHOLD = "Quillfeather-Ampersand Household"
EMAIL = "zephyrine.quillfeather@canary.example"
EVIDENCE = "ticked the box beside the periwinkle lamp"
REPLY = "my marzipan walrus has no signal"
# 555-0190 to 555-0199 fail at the sandbox, in ten ways.
PHONES = tuple(f"+13125550{n}" for n in (160, 161, 162, 163, *range(190, 200)))
STRANGER = "+13125550177"
"""Somebody's number that is in no table yet."""

_HEADER = (
    "account_number",
    "account_name",
    "contact_name",
    "contact_email",
    "message_categories",
    "phone_number",
    "phone_type",
    "sms_opt_in",
    "consent_source",
    "consent_time",
    "consent_evidence",
)


def written_national(e164: str) -> str:
    """As people write it: (312) 555-0160."""
    return f"({e164[2:5]}) {e164[5:8]}-{e164[8:]}"


def write_subscribers(file: Path) -> int:
    """A file to import: a row for each phone, and rows that are refused. Returns how many are."""
    good = [
        _row(f"C-{n}", phone_number=written_national(phone)) for n, phone in enumerate(PHONES, 1)
    ]
    refused = [
        _row("", phone_number=PHONES[0]),
        _row("C-91", phone_number=f"{written_national(PHONES[0])} {REPLY}"),
        _row("C-92", phone_number=PHONES[0][:-2]),
        _row("C-93", contact_email=f"{EMAIL}@"),
        _row("C-94", sms_opt_in=NAME),
        _row("C-95", consent_source=PHONES[1]),
        _row("C-96", consent_time=written_national(PHONES[2])),
    ]
    with file.open("w", encoding="utf-8", newline="") as lines:
        rows = csv.DictWriter(lines, _HEADER)
        rows.writeheader()
        rows.writerows([*good, *refused])
    return len(refused)


def _row(account_number: str, **texts: str) -> dict[str, str]:
    return {
        "account_number": account_number,
        "account_name": HOUSEHOLD,
        "contact_name": NAME,
        "contact_email": EMAIL,
        "message_categories": "Billing",
        "phone_number": STRANGER,
        "phone_type": "Mobile",
        "sms_opt_in": "yes",
        "consent_source": "web",
        "consent_time": "2025-06-01",
        "consent_evidence": EVIDENCE,
        **texts,
    }


async def canaries_of(pool: Pool) -> Canaries:
    """The values above, and every text that was rendered or came in."""
    rows = await pool.fetch("SELECT text FROM body UNION SELECT body FROM inbound_message")
    assert len(rows) > 3
    return Canaries(
        [
            *(Canary(phone, phone=True) for phone in (*PHONES, STRANGER)),
            *(Canary(text) for text in (NAME, HOUSEHOLD, EMAIL, EVIDENCE, REPLY)),
            # Long ones only: STOP is a word of ours too.
            *(Canary(row[0]) for row in rows if len(row[0]) > 12),
        ]
    )
