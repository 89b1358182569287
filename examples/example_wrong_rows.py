"""Rows that are wrong on purpose, one kind each, as they turn up in real exports."""

from collections.abc import Mapping

# What to change in a good row, and the column that is then refused.
WRONG: tuple[tuple[Mapping[str, str], str], ...] = (
    ({"Account #": ""}, "account_number"),
    ({"Account Name": ""}, "account_name"),
    ({"Company": "Northwind Cable"}, "company"),
    ({"Company": "Fibre Boreal"}, "company"),
    ({"Phone": "555-0142"}, "phone_number"),
    ({"Phone": "212-555-01"}, "phone_number"),
    ({"Phone": "(000) 555-0101"}, "phone_number"),
    ({"Phone": "999-555-0123"}, "phone_number"),
    ({"Phone": "212-555-CALL"}, "phone_number"),
    ({"Phone": "212-555-0101 / 212-555-0102"}, "phone_number"),
    ({"Phone": "unknown"}, "phone_number"),
    ({"Phone": "2.125550101E+09"}, "phone_number"),
    ({"Phone": "+1 212 555 0101 0102 0103"}, "phone_number"),
    ({"Extension": "ring twice"}, "phone_extension"),
    ({"Phone Type": "Fax"}, "phone_type"),
    ({"Email": "ask at the desk"}, "contact_email"),
    ({"Email": "first@second@example.com"}, "contact_email"),
    ({"SMS Opt In": "maybe"}, "sms_opt_in"),
    ({"Consent Source": "rumour"}, "consent_source"),
    ({"Consent Time": "31/12/2025"}, "consent_time"),
    ({"Consent Time": "2199-01-01"}, "consent_time"),
    ({"Language": "Klingon"}, "language"),
    ({"Delinquent": "somewhat"}, "delinquent"),
    ({"Parent Account": "NW-99999"}, "parent_account_number"),
    ({"Contact Name": "Bell\u0007 Ringer"}, "contact_name"),
)
