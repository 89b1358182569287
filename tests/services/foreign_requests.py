"""A request for each method that takes ids of things, to be sent with an id of another instance.

Written as JSON. `$account` is the id of an account of the caller's own instance, and so for every
noun; `$n` is a number that no other request has. An id that is missing here is filled in where its
field is, in place of what the request has there.
"""

from typing import Any

_EVENT = {
    "trigger_type": "AUTOPAY_FAILURE",
    "account_id": "$account",
    "event_key": "$n",
    "variables": {"AMOUNT_DUE": "45.10"},
}

REQUESTS: dict[str, dict[str, Any]] = {
    "Access.CreateRole": {"role": {"name": "Role $n"}},
    "Access.UpdateRole": {"role": {"role_id": "$role", "name": "Role $n"}, "update_mask": "name"},
    "Access.DeleteRole": {"role_id": "$role"},
    "Access.CreateApiKey": {"api_key": {"name": "key", "role_id": "$role"}},
    "Access.RotateApiKey": {"api_key_id": "$api_key"},
    "Access.RevokeApiKey": {"api_key_id": "$api_key"},
    "Billing.GetTopUp": {"top_up_id": "$top_up"},
    "Billing.ListLedgerEntries": {},
    "Contacts.CreateContact": {
        "contact": {
            "account_id": "$account",
            "name": "Ada",
            "phone_numbers": [
                {"number": "+12125550123", "phone_number_type_id": "$phone_number_type"}
            ],
        }
    },
    "Contacts.GetContact": {"contact_id": "$contact"},
    "Contacts.ListContacts": {"account_id": "$account"},
    "Contacts.UpdateContact": {
        "contact": {
            "contact_id": "$contact",
            "name": "Ada",
            "message_category_ids": ["$message_category"],
        },
        "update_mask": "name,messageCategoryIds",
    },
    "Contacts.DeleteContact": {"contact_id": "$contact"},
    "Contacts.CreatePhoneNumberType": {"phone_number_type": {"name": "Type $n"}},
    "Contacts.UpdatePhoneNumberType": {
        "phone_number_type": {"phone_number_type_id": "$phone_number_type", "name": "Type $n"},
        "update_mask": "name",
    },
    "Contacts.DeletePhoneNumberType": {"phone_number_type_id": "$phone_number_type"},
    "Contacts.AddPhoneNumber": {
        "contact_id": "$contact",
        "phone_number": {
            "number": "$phone",
            "phone_number_type_id": "$phone_number_type",
        },
    },
    "Contacts.UpdatePhoneNumber": {
        "phone_number": {
            "phone_number_id": "$phone_number",
            "phone_number_type_id": "$phone_number_type",
        },
        "update_mask": "phoneNumberTypeId",
    },
    "Contacts.RemovePhoneNumber": {"phone_number_id": "$phone_number"},
    "Contacts.SetSmsOptIn": {
        "phone_number_id": "$phone_number",
        "sms_opt_in": True,
        "source": "CONSENT_SOURCE_WEB",
        "evidence": "Yes",
    },
    "Delivery.ListMessages": {},
    "Delivery.GetMessage": {"message_id": "$message"},
    "Delivery.RequeueMessages": {},
    "Delivery.WatchMessages": {},
    "Directory.CreateCompany": {"company": {"name": "Company $n", "country": "US"}},
    "Directory.GetCompany": {"company_id": "$company"},
    "Directory.UpdateCompany": {
        "company": {"company_id": "$company", "name": "Company $n"},
        "update_mask": "name",
    },
    "Directory.DeleteDepartment": {"department_id": "$department"},
    "Directory.SetCompanyDepartment": {
        "company_department": {"company_id": "$company", "department_id": "$department"}
    },
    "Directory.UpsertAccounts": {
        "accounts": [{"account_number": "A-$n", "name": "Ada", "company_id": "$company"}]
    },
    "Directory.GetAccount": {"account_id": "$account"},
    "Directory.ListAccounts": {},
    "MassMessages.PreviewMassMessage": {
        "spec": {
            "saved_message": "UNPLANNED_OUTAGE_NO_ETA",
            "outage_start_time": "2026-01-01T00:00:00Z",
            "audience": {"account_ids": ["$account"]},
        }
    },
    "MassMessages.CreateMassMessage": {
        "spec": {
            "saved_message": "UNPLANNED_OUTAGE_NO_ETA",
            "outage_start_time": "2026-01-01T00:00:00Z",
            "audience": {"account_ids": ["$account"]},
        },
        "request_id": "$uuid",
    },
    "MassMessages.GetMassMessage": {"mass_message_id": "$mass_message"},
    "MassMessages.PauseMassMessage": {"mass_message_id": "$mass_message"},
    "MassMessages.ResumeMassMessage": {"mass_message_id": "$mass_message"},
    "MassMessages.CancelMassMessage": {"mass_message_id": "$mass_message"},
    "MassMessages.WatchMassMessage": {"mass_message_id": "$mass_message"},
    "Settings.CreateSendingNumber": {
        "sending_number": {
            "number": "$phone",
            "carrier": "sandbox",
            "segments_per_second": 1,
        }
    },
    "Settings.UpdateSendingNumber": {
        "sending_number": {"sending_number_id": "$sending_number", "is_default": True},
        "update_mask": "isDefault",
    },
    "Signatures.CreateSignature": {
        "signature": {
            "name": "Signature $n",
            "department_id": "$department",
            "template": "SIGNATURE_TEMPLATE_HELP",
        }
    },
    "Signatures.GetSignature": {"signature_id": "$signature"},
    "Signatures.UpdateSignature": {
        "signature": {
            "signature_id": "$signature",
            "name": "Signature $n",
            "department_id": "$department",
        },
        "update_mask": "name,departmentId",
    },
    "Signatures.DeleteSignature": {"signature_id": "$signature"},
    "Signatures.PreviewText": {"text": "Hello", "signature_id": "$signature"},
    "Triggers.CreateTriggeredMessage": {
        "triggered_message": {
            "name": "Failure $n",
            "trigger_type": "AUTOPAY_FAILURE",
            "message_category_ids": ["$message_category"],
        }
    },
    "Triggers.GetTriggeredMessage": {"triggered_message_id": "$triggered_message"},
    "Triggers.UpdateTriggeredMessage": {
        "triggered_message": {
            "triggered_message_id": "$triggered_message",
            "name": "Failure $n",
            "message_category_ids": ["$message_category"],
        },
        "update_mask": "name,signatureId,sendingNumberId,messageCategoryIds",
    },
    "Triggers.DeleteTriggeredMessage": {"triggered_message_id": "$triggered_message"},
    "Triggers.FireTrigger": {
        "event": _EVENT,
    },
    "Triggers.FireTriggers": {
        "events": [_EVENT],
    },
}

# Their first answer tells nothing yet; tests/services/test_foreign_ids.py looks at what comes then.
ANSWER_LATER = {"Delivery.WatchMessages"}

# Every caller of these is the platform operator, who knows every instance.
OPERATORS = {"Instances", "PriceLists"}

# Ids that the service makes or the message shows, and that requests are not read for.
NOT_READ = {
    "Access.CreateRole": {"role.role_id"},
    "Access.CreateApiKey": {"api_key.api_key_id"},
    "Contacts.CreateContact": {"contact.contact_id", "contact.phone_numbers.phone_number_id"},
    "Contacts.UpdateContact": {
        "contact.account_id",
        "contact.network_site_id",
        "contact.vendor_id",
        "contact.phone_numbers.phone_number_id",
        "contact.phone_numbers.phone_number_type_id",
    },
    "Contacts.CreatePhoneNumberType": {"phone_number_type.phone_number_type_id"},
    "Contacts.AddPhoneNumber": {"phone_number.phone_number_id"},
    "Directory.CreateCompany": {
        "company.company_id",
        "company.departments.company_id",
        "company.departments.department_id",
    },
    "Directory.UpdateCompany": {
        "company.departments.company_id",
        "company.departments.department_id",
    },
    "Directory.UpsertAccounts": {"accounts.account_id"},
    "Settings.CreateSendingNumber": {"sending_number.sending_number_id"},
    "Signatures.CreateSignature": {"signature.signature_id"},
    "Triggers.CreateTriggeredMessage": {"triggered_message.triggered_message_id"},
}
