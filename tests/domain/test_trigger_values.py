from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outbound_sms.domain.trigger_type import TRIGGER_TYPES, TriggerType, TriggerVariable
from outbound_sms.domain.trigger_type import VariableKind as Kind
from outbound_sms.domain.trigger_values import read_values
from tests.domain.trigger_examples import WITH_TEXT, typical_values

JOB = TRIGGER_TYPES["JOB_SCHEDULED"]
BILL = TRIGGER_TYPES["MONTHLY_BILLING"]
CARD = TRIGGER_TYPES["CREDIT_CARD_EXPIRING"]
DAY = "give a day of 2000 to 2199 such as 2026-12-01"
MOMENT = "give a moment of 2000 to 2199 with its offset, such as 2026-12-01T09:00:00-05:00"


def problems(trigger: TriggerType, **given: str) -> dict[str, str]:
    found = read_values(trigger, given)[1]
    assert len(dict(found)) == len(found)
    return dict(found)


@pytest.mark.parametrize("trigger", WITH_TEXT, ids=lambda one: one.key)
@pytest.mark.parametrize("optional", [False, True])
def test_typical_values_have_no_problem(trigger: TriggerType, optional: bool) -> None:
    given = typical_values(trigger, optional=optional)
    values, found = read_values(trigger, given)
    assert found == []
    assert values.by_name.keys() == given.keys()


def test_each_kind_is_read_as_what_it_means() -> None:
    given = {
        "AMOUNT_DUE": "45.10",
        "DUE_DATE": "2028-02-29",
        "INVOICE_NUMBER": " 10\u00a042\n",
    }
    assert read_values(BILL, given)[0].by_name == {
        "AMOUNT_DUE": 45_100_000,
        "DUE_DATE": date(2028, 2, 29),
        "INVOICE_NUMBER": "10 42",
    }


@pytest.mark.parametrize(
    "written",
    [
        "2026-12-01T09:00:00-05:00",
        "2026-12-01t14:00:00z",
        "2026-12-01T14:00:00.000000000Z",
        "2026-12-01T19:30:00+05:30",
    ],
)
def test_a_moment_is_rfc_3339(written: str) -> None:
    values = read_values(JOB, {"JOB_START": written})[0]
    assert values.by_name == {"JOB_START": datetime(2026, 12, 1, 14, tzinfo=UTC)}


@pytest.mark.parametrize(
    "written",
    [
        "",
        "2026-12-01",
        "2026-12-01T09:00:00",
        "2026-12-01T09:00-05:00",
        "2026-12-01 09:00:00-05:00",
        "2026-12-01T09:00:00-0500",
        "2026-12-01T09:00:00-05:00:30",
        "2026-12-01T09:00:00 -05:00",
        "2026-12-01T09:00:60-05:00",
        "2026-12-01T24:00:00-05:00",
        "2026-02-30T09:00:00-05:00",
        "2026-12-01T09:00:00+24:00",
        "2026-12-01T09:00:00,5-05:00",
        "2026-W49-1T09:00:00-05:00",
        "1999-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "2026-12-01T09:00:00-05:00\n",
        "٢٠٢٦-12-01T09:00:00Z",
        "tomorrow",
        "1764579600",
    ],
)
def test_any_other_moment_is_refused_with_an_example(written: str) -> None:
    assert problems(JOB, JOB_START=written) == {"JOB_START": f"is no such moment; {MOMENT}"}


@pytest.mark.parametrize(
    "written",
    ["", "20261201", "2026-W49-2", "2026-2-1", "2026-02-29", "2026-13-01", "2026-00-10"]
    + ["0000-01-01", "1999-12-31", "2200-01-01", "12/01/2026", "2026-12-01 ", "2026-12-01T09:00"],
)
def test_any_other_day_is_refused_with_an_example(written: str) -> None:
    assert problems(BILL, AMOUNT_DUE="1", DUE_DATE=written) == {
        "DUE_DATE": f"is no such day; {DAY}"
    }


def test_a_text_is_at_most_as_long_as_its_variable() -> None:
    right = {"AMOUNT_DUE": "1", "DUE_DATE": "2026-12-01"}
    assert problems(BILL, **right, INVOICE_NUMBER="é" * 60) == {}
    assert problems(BILL, **right, INVOICE_NUMBER=f" {'x' * 60}\u200b ") == {}
    assert problems(BILL, **right, INVOICE_NUMBER="x" * 61) == {
        "INVOICE_NUMBER": "has 61 characters; give at most 60"
    }
    card = {"LAST_FOUR_DIGITS": "4" * 16}
    assert problems(CARD, **card) == {"LAST_FOUR_DIGITS": "has 16 characters; give at most 4"}


@pytest.mark.parametrize("blank", ["", " ", "\n\t", "\u00a0", "\x00\u200b"])
def test_a_blank_text_is_refused_even_where_it_may_be_left_out(blank: str) -> None:
    given = {"AMOUNT_DUE": "1", "DUE_DATE": "2026-12-01", "INVOICE_NUMBER": blank}
    assert problems(BILL, **given) == {"INVOICE_NUMBER": "is empty; give 1 to 60 characters"}


def test_everything_wrong_is_told_at_once_by_name() -> None:
    given = {"Amount_due": "1", "AMOUNT_DUE": "1.234", "AUTOPAY_DATE": "soon", "COUNT": "3"}
    taken = "MONTHLY_BILLING takes AMOUNT_DUE, DUE_DATE, INVOICE_NUMBER, AUTOPAY_DATE"
    assert read_values(BILL, given)[1] == [
        ("AMOUNT_DUE", "is not an amount; give 0 to 9999999.99, for example 45.10"),
        ("DUE_DATE", f"is missing; {DAY}"),
        ("AUTOPAY_DATE", f"is no such day; {DAY}"),
        ("Amount_due", f"is unknown; {taken}"),
        ("COUNT", f"is unknown; {taken}"),
    ]


@pytest.mark.parametrize("name", ["COMPANY_NAME", "ACCOUNT_NUMBER", "COUNT"])
def test_what_the_service_fills_in_cannot_be_given(name: str) -> None:
    for trigger in WITH_TEXT:
        given = typical_values(trigger, optional=True) | {name: "3"}
        assert [one for one, _ in read_values(trigger, given)[1]] == [name]


def test_an_unknown_name_is_cut_short() -> None:
    assert read_values(CARD, {"LAST_FOUR_DIGITS": "1", "X" * 900: ""})[1][0][0] == "X" * 60


def test_a_job_knows_when_its_text_is_pointless() -> None:
    values = read_values(JOB, {"JOB_START": "2026-12-01T09:00:00-05:00"})[0]
    assert values.pointless_after == datetime(2026, 12, 1, 14, tzinfo=UTC)
    changed = {"CHANGE_TIME": "2026-12-01T09:00:00-05:00"}
    assert (
        read_values(TRIGGER_TYPES["CONTACT_PASSWORD_CHANGED"], changed)[0].pointless_after is None
    )
    assert read_values(BILL, {})[0].pointless_after is None


def test_the_earliest_of_several_moments_counts() -> None:
    names = ("LATER", "SOONER", "MISSING")
    variables = tuple(
        TriggerVariable(name, Kind.TIME, False, "When.", pointless_after=True) for name in names
    )
    trigger = TriggerType("X", "X", "X.", None, False, variables, "None.", {})
    given = {"LATER": "2026-12-01T09:00:00Z", "SOONER": "2026-12-01T09:00:00+01:00"}
    assert read_values(trigger, given)[0].pointless_after == datetime(2026, 12, 1, 8, tzinfo=UTC)


@settings(deadline=None)
@given(
    st.sampled_from(WITH_TEXT),
    st.dictionaries(
        st.sampled_from(
            sorted({variable.name for trigger in WITH_TEXT for variable in trigger.variables})
        )
        | st.text(max_size=10),
        st.text()
        | st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]{5,18}([+-][0-9:]{5}|Z))?\Z")
        | st.from_regex(r"\A-?[0-9]{1,8}(\.[0-9]{0,3})?\Z"),
    ),
)
def test_any_values_are_read_or_refused_by_name_without_being_repeated(
    trigger: TriggerType, given: dict[str, str]
) -> None:
    values, found = read_values(trigger, given)
    required = {variable.name for variable in trigger.variables if variable.required}
    assert {name for name, _ in found} | values.by_name.keys() == given.keys() | required
    assert not {name for name, _ in found} & values.by_name.keys()
    assert all(len(given.get(name, "")) < 20 or given[name] not in text for name, text in found)
