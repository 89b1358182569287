from pathlib import Path

import pytest

from outbound_sms.domain import trigger_type
from outbound_sms.domain.language import Language
from outbound_sms.domain.trigger_type import (
    TRIGGER_TYPES,
    CountUnit,
    VariableKind,
    check_count,
    check_job_type,
    read_catalogue,
)
from outbound_sms.domain.variable import OPTIONAL_PART

COUNTED = {
    "CREDIT_CARD_EXPIRING": CountUnit.MONTHS,
    "INVOICE_DUE_IN_X_DAYS": CountUnit.DAYS,
    "INVOICE_DELINQUENT_IN_X_DAYS": CountUnit.DAYS,
    "INVOICE_PAST_DUE_FOR_X_DAYS": CountUnit.DAYS,
    "INVOICE_DELINQUENT_FOR_X_DAYS": CountUnit.DAYS,
    "ACCOUNT_AT_X_PERCENTAGE_OF_BANDWIDTH_CAP": CountUnit.PERCENT,
}
WITHOUT_TEXT = {
    "NEW_USER_CREATED",
    "USER_FORGOT_PASSWORD",
    "SEND_UNSIGNED_CONTRACT",
    "SEND_SIGNED_CONTRACT",
    "EMAIL_INVOICE",
    "PAYMENT_RECEIPT",
}
CATALOGUE = """
[[trigger]]
key = "LEAK"
name = "Leak"
fires_when = "A leak was found."
count_unit = "DAYS"
[[trigger.variables]]
name = "PLACE"
kind = "TEXT"
required = true
description = "Where."
[[trigger.variables]]
name = "REPAIR"
kind = "TIME"
required = false
description = "When it is repaired."
"""
EN = "|COMPANY_NAME|: leak in |PLACE| for |COUNT|.[ Repair |REPAIR|.]"
FR = "|COMPANY_NAME| : fuite, |PLACE|, |COUNT|.[ Travaux le |REPAIR|.]"


def read(catalogue: str = CATALOGUE, en: str = EN, fr: str = FR, **others: str) -> None:
    read_catalogue(catalogue, {"trigger_leak.en.txt": en, "trigger_leak.fr.txt": fr, **others})


def test_the_catalogue_has_the_25_types_in_order_and_19_of_them_a_text() -> None:
    keys = list(TRIGGER_TYPES)
    assert len(keys) == 25
    assert keys[:3] == ["NEW_USER_CREATED", "USER_FORGOT_PASSWORD", "CREDIT_CARD_EXPIRING"]
    assert keys[-1] == "CONTACT_PASSWORD_CHANGED"
    assert {key for key, one in TRIGGER_TYPES.items() if not one.supports_sms} == WITHOUT_TEXT


@pytest.mark.parametrize("key", TRIGGER_TYPES)
def test_every_type_says_what_it_is(key: str) -> None:
    trigger = TRIGGER_TYPES[key]
    assert trigger.key == key
    assert trigger.name
    assert trigger.fires_when.endswith(".")
    assert bool(trigger.no_sms_reason) != trigger.supports_sms
    assert trigger.texts.keys() == (set(Language) if trigger.supports_sms else set())
    assert trigger.count_unit == COUNTED.get(key)
    assert trigger.has_job_type == (key == "JOB_SCHEDULED")
    assert all(variable.description.endswith(".") for variable in trigger.variables)


def test_what_is_left_of_a_card_number_is_never_more_than_four_characters() -> None:
    digits = [
        variable
        for trigger in TRIGGER_TYPES.values()
        for variable in trigger.variables
        if variable.name == "LAST_FOUR_DIGITS"
    ]
    assert [variable.longest for variable in digits] == [4] * 5


def test_only_the_start_of_a_job_makes_a_text_pointless() -> None:
    marked = [
        (trigger.key, variable.name)
        for trigger in TRIGGER_TYPES.values()
        for variable in trigger.variables
        if variable.pointless_after
    ]
    assert marked == [("JOB_SCHEDULED", "JOB_START")]


def test_a_right_catalogue_is_read_as_it_is_written() -> None:
    read()
    files = {"trigger_leak.en.txt": f"{EN}\n", "trigger_leak.fr.txt": FR}
    leak = read_catalogue(CATALOGUE, files)["LEAK"]
    assert leak.texts == {Language.EN: EN, Language.FR: FR}
    assert [(one.name, one.kind, one.required, one.longest) for one in leak.variables] == [
        ("PLACE", VariableKind.TEXT, True, 60),
        ("REPAIR", VariableKind.TIME, False, 60),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        (EN.replace("PLACE", "PLAC"), "uses unknown variables PLAC"),
        (EN.replace("|PLACE|", "|Place|"), "must use, outside brackets, PLACE"),
        (EN.replace("|COUNT|", "days"), "must use, outside brackets, COUNT"),
        (EN.replace("|COMPANY_NAME|", "We"), "must use, outside brackets, COMPANY_NAME"),
        (EN.replace("[", "").replace("]", ""), "must keep in brackets REPAIR"),
        (EN.replace("[ Repair |REPAIR|.]", ""), "must use, in brackets, REPAIR"),
        (f"{EN}[ In |PLACE|.]", "must not keep in brackets PLACE"),
        (f"{EN}[ Account |ACCOUNT_NUMBER|.]", "must not keep in brackets ACCOUNT_NUMBER"),
        (f"{EN}[ Thanks.]", "has brackets with no variable"),
        (f"{EN}]", "has an odd ]"),
        (EN.replace("[ ", "[ [").replace("]", "]]"), r"has an odd \[ \]"),
        (EN.replace("|COUNT|", "|COUNT||"), r"has an odd \|"),
    ],
)
def test_a_text_that_does_not_fit_its_variables_stops_the_start(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^trigger type LEAK: trigger_leak.fr.txt {problem}"):
        read(fr=text)


def test_the_account_number_may_be_used_in_any_text() -> None:
    read(fr=f"{FR} |ACCOUNT_NUMBER|")


def test_a_missing_text_stops_the_start() -> None:
    with pytest.raises(ValueError, match=r"LEAK: trigger_leak\.fr\.txt is missing"):
        read_catalogue(CATALOGUE, {"trigger_leak.en.txt": EN})


def test_a_text_of_no_trigger_type_stops_the_start() -> None:
    with pytest.raises(ValueError, match=r"no trigger type has a text for trigger_leek\.en\.txt"):
        read(**{"trigger_leek.en.txt": EN})


def test_a_text_beside_the_reason_for_having_none_stops_the_start() -> None:
    with pytest.raises(ValueError, match="no trigger type has a text for trigger_leak"):
        read(CATALOGUE.replace("count_unit", 'no_sms_reason = "None."\ncount_unit'))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('kind = "TEXT"', 'kind = "WORD"', "'WORD' is none of TEXT, AMOUNT, DATE, TIME"),
        ('kind = "TEXT"', "", "'' is none of TEXT"),
        ('"DAYS"', '"WEEKS"', "'WEEKS' is none of MONTHS, DAYS, PERCENT"),
        ("required = true", 'required = "yes"', "PLACE: required must be true or false"),
        ("required = true", "requird = true", "requird"),
        ("required = true", "required = true\nlongest = 61", "PLACE: longest must be 1 to 60"),
        ("required = true", "required = true\npointless_after = true", "only a TIME"),
        ('"REPAIR"', '"PLACE"', "PLACE, PLACE: a name is used twice"),
        ('"PLACE"', '"COMPANY_NAME"', "filled in by the service"),
        ('name = "Leak"\n', "", "name"),
        ("fires_when", "fires", "fires"),
    ],
)
def test_a_mistake_in_the_catalogue_stops_the_start(old: str, new: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^trigger type LEAK: .*{problem}"):
        read(CATALOGUE.replace(old, new, 1))


def test_a_key_that_is_missing_or_used_twice_stops_the_start() -> None:
    with pytest.raises(ValueError, match="trigger type 1 has no key of its own"):
        read(CATALOGUE.replace('key = "LEAK"', ""))
    with pytest.raises(ValueError, match="trigger type 2 has no key of its own"):
        read(CATALOGUE * 2)


def test_the_data_files_are_what_is_loaded() -> None:
    folder = Path(trigger_type.__file__).parent
    files = {file.name: file.read_text("utf-8") for file in folder.glob("texts/trigger_*")}
    assert len(files) == 19 * len(Language)
    assert read_catalogue((folder / "triggers.toml").read_text("utf-8"), files) == TRIGGER_TYPES


def test_every_optional_part_belongs_to_one_variable() -> None:
    parts = [
        part
        for trigger in TRIGGER_TYPES.values()
        for text in trigger.texts.values()
        for part in OPTIONAL_PART.findall(text)
    ]
    assert parts
    assert all(part.count("|") == 2 for part in parts)


@pytest.mark.parametrize(
    ("unit", "most"),
    [(CountUnit.MONTHS, 12), (CountUnit.DAYS, 365), (CountUnit.PERCENT, 1000)],
)
def test_a_count_must_be_in_the_range_of_its_unit(unit: CountUnit, most: int) -> None:
    assert check_count(unit, 1) is None
    assert check_count(unit, most) is None
    for count in (0, -1, most + 1, -(2**31), 2**31 - 1):
        assert check_count(unit, count) == f"is {count}; give 1 to {most} {unit.name.lower()}"
    assert check_count(unit, None) == f"is missing; give 1 to {most} {unit.name.lower()}"


def test_a_count_is_refused_where_there_is_none() -> None:
    assert check_count(None, None) is None
    for count in (0, 1):
        assert check_count(None, count) == "must be left out; the trigger type has no count"


@pytest.mark.parametrize(
    ("job_type", "problem"),
    [
        ("Installation", None),
        (" Installation ", None),
        ("Réparation", None),
        ("x" * 100, None),
        ("x" * 101, "has 101 characters; give at most 100"),
        ("", "is empty; give 1 to 100 characters"),
        (" \t", "is empty; give 1 to 100 characters"),
        ("a\nb", "holds a control character; give one line of plain text"),
        ("a\x00b", "holds a control character; give one line of plain text"),
    ],
)
def test_a_type_of_job_is_a_short_line(job_type: str, problem: str | None) -> None:
    assert check_job_type(TRIGGER_TYPES["JOB_SCHEDULED"], job_type) == problem


def test_a_type_of_job_is_refused_where_there_is_no_job() -> None:
    trigger = TRIGGER_TYPES["PAYMENT_REFUNDED"]
    assert check_job_type(trigger, "") is None
    problem = "must be left out; the trigger type is not about jobs"
    assert check_job_type(trigger, "Installation") == problem
