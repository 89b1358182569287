"""Signatures and text previews, through real stubs."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest

from outbound_sms.store.pool import Pool
from outboundsms.v1 import body_pb2, language_pb2
from outboundsms.v1 import signatures_pb2 as pb
from outboundsms.v1.signatures_pb2_grpc import SignaturesStub
from tests.factories import Isp, make_isp
from tests.services.failures import failure
from tests.services.running import Stubs, Tenant

Code = grpc.StatusCode
STOP = "Reply STOP to unsubscribe."


@pytest.fixture
async def isp(pool: Pool, instance: Tenant) -> Isp:
    """Companies, a department and the signature `Outages`, the default for mass messages."""
    return await make_isp(pool, instance_id=instance.instance.id)


@pytest.fixture
def signatures(stub: Stubs) -> Any:
    return stub(SignaturesStub)


def new(isp: Isp, name: str = "Billing", **fields: Any) -> pb.Signature:
    values: dict[str, Any] = {
        "name": name,
        "department_id": str(isp.department_id),
        "template": pb.SIGNATURE_TEMPLATE_HELP,
        **fields,
    }
    return pb.Signature(**values)


async def create(signatures: Any, signature: pb.Signature, **fields: Any) -> pb.Signature:
    request = pb.CreateSignatureRequest(signature=signature, **fields)
    made: pb.Signature = (await signatures.CreateSignature(request)).signature
    return made


async def listed(signatures: Any) -> dict[str, pb.Signature]:
    answer = await signatures.ListSignatures(pb.ListSignaturesRequest())
    return {each.name: each for each in answer.signatures}


async def update(signatures: Any, signature: pb.Signature, *paths: str) -> pb.Signature:
    request = pb.UpdateSignatureRequest(signature=signature)
    request.update_mask.paths.extend(paths)
    updated: pb.Signature = (await signatures.UpdateSignature(request)).signature
    return updated


async def test_a_signature_reads_back_as_it_was_created(signatures: Any, isp: Isp) -> None:
    made = await create(signatures, new(isp, "  Billing %s {0}  ", triggered_default=True))
    assert made.name == "Billing %s {0}"
    assert made.template == pb.SIGNATURE_TEMPLATE_HELP
    assert made.triggered_default and not made.mass_default
    got = await signatures.GetSignature(pb.GetSignatureRequest(signature_id=made.signature_id))
    assert got.signature == made
    assert (await listed(signatures))["Billing %s {0}"] == made


async def test_a_new_default_takes_the_flag_from_the_old_one(signatures: Any, isp: Isp) -> None:
    before = (await listed(signatures))["Outages"]
    await create(signatures, new(isp, mass_default=True, triggered_default=True))
    after = await listed(signatures)
    assert not after["Outages"].mass_default
    assert after["Outages"].etag != before.etag
    assert after["Billing"].mass_default and after["Billing"].triggered_default


async def test_defaults_set_at_once_by_many_leave_exactly_one_of_each(
    signatures: Any, isp: Isp
) -> None:
    made = [await create(signatures, new(isp, f"S{n}")) for n in range(6)]

    async def claim(signature: pb.Signature) -> None:
        signature.ClearField("etag")
        signature.mass_default = signature.triggered_default = True
        await update(signatures, signature, "mass_default", "triggered_default")

    await asyncio.gather(
        *(claim(signature) for signature in made * 3),
        *(create(signatures, new(isp, f"N{n}", mass_default=True)) for n in range(6)),
    )
    found = (await listed(signatures)).values()
    assert sum(each.mass_default for each in found) == 1
    assert sum(each.triggered_default for each in found) == 1


async def test_the_default_can_be_given_up(signatures: Any, isp: Isp) -> None:
    signature = (await listed(signatures))["Outages"]
    signature.mass_default = False
    updated = await update(signatures, signature, "mass_default")
    assert not updated.mass_default


async def test_an_update_changes_what_the_mask_names_and_nothing_else(
    signatures: Any, isp: Isp
) -> None:
    made = await create(signatures, new(isp))
    wanted = pb.Signature(
        signature_id=made.signature_id, name="Accounts", etag=made.etag, mass_default=True
    )
    updated = await update(signatures, wanted, "name")
    assert updated.name == "Accounts"
    assert updated.template == made.template and not updated.mass_default
    told = await failure(update(signatures, wanted, "name"))
    assert (told.code, told.reason) == (Code.ABORTED, "ETAG_MISMATCH")
    assert told.metadata == {"etag": updated.etag}


async def test_names_are_unique_and_free_again_after_a_delete(signatures: Any, isp: Isp) -> None:
    made = await create(signatures, new(isp))
    told = await failure(create(signatures, new(isp)))
    assert (told.code, told.reason) == (Code.ALREADY_EXISTS, "NAME_TAKEN")
    delete = pb.DeleteSignatureRequest(signature_id=made.signature_id, etag=made.etag)
    await signatures.DeleteSignature(delete)
    told = await failure(signatures.DeleteSignature(delete))
    assert (told.code, told.reason) == (Code.NOT_FOUND, "SIGNATURE_NOT_FOUND")
    await create(signatures, new(isp))


async def test_a_repeated_create_makes_one_signature(signatures: Any, isp: Isp) -> None:
    request_id = str(uuid4())
    one = await create(signatures, new(isp), request_id=request_id)
    assert await create(signatures, new(isp), request_id=request_id) == one
    told = await failure(create(signatures, new(isp, "Other"), request_id=request_id))
    assert (told.code, told.reason) == (Code.FAILED_PRECONDITION, "REQUEST_ID_REUSED")


async def test_everything_wrong_with_a_new_signature_is_told_at_once(
    signatures: Any, isp: Isp
) -> None:
    bad = pb.Signature(name="a\tb" * 50, department_id="support", template=99)  # type: ignore[arg-type]
    told = await failure(create(signatures, bad))
    assert told.code == Code.INVALID_ARGUMENT
    assert set(told.violations) == {
        "signature.name",
        "signature.department_id",
        "signature.template",
    }
    told = await failure(signatures.UpdateSignature(pb.UpdateSignatureRequest()))
    assert {"update_mask", "signature.signature_id"} <= set(told.violations)


async def test_another_instance_sees_and_uses_none_of_it(
    stub: Stubs, pool: Pool, isp: Isp, other_instance: Tenant
) -> None:
    others = stub(SignaturesStub, key=other_instance.key)
    assert not await listed(others)
    told = await failure(
        others.GetSignature(pb.GetSignatureRequest(signature_id=str(isp.signature_id)))
    )
    assert (told.code, told.reason) == (Code.NOT_FOUND, "SIGNATURE_NOT_FOUND")
    told = await failure(create(others, new(isp)))
    assert (told.code, told.reason) == (Code.NOT_FOUND, "DEPARTMENT_NOT_FOUND")
    for company, signature, reason in (
        (isp.company_id, "", "COMPANY_NOT_FOUND"),
        ("", isp.signature_id, "SIGNATURE_NOT_FOUND"),
    ):
        request = pb.PreviewTextRequest(
            text="Hello", company_id=str(company), signature_id=str(signature)
        )
        assert (await failure(others.PreviewText(request))).reason == reason


async def test_pages_hold_every_signature_once(signatures: Any, isp: Isp) -> None:
    for n in range(4):
        await create(signatures, new(isp, f"S{n}"))
    names, token = [], ""
    while True:
        request = pb.ListSignaturesRequest(page_size=2, page_token=token)
        answer = await signatures.ListSignatures(request)
        names += [each.name for each in answer.signatures]
        token = answer.next_page_token
        if not token:
            break
    assert names == ["Outages", "S0", "S1", "S2", "S3"]


async def test_the_six_templates_are_word_for_word_those_of_the_product(signatures: Any) -> None:
    answer = await signatures.ListSignatureTemplates(pb.ListSignatureTemplatesRequest())
    english = {
        each.template: each.text
        for each in answer.templates
        if each.language == language_pb2.LANGUAGE_EN
    }
    contact = "Call |DEPARTMENT_PHONE_NUMBER|. Email |DEPARTMENT_EMAIL|."
    assert english == {
        pb.SIGNATURE_TEMPLATE_NO_DISPLAY: STOP,
        pb.SIGNATURE_TEMPLATE_SOMETHING_ELSE: f"Need something else? {contact} {STOP}",
        pb.SIGNATURE_TEMPLATE_MORE_INFO: f"Looking for more information? {contact} {STOP}",
        pb.SIGNATURE_TEMPLATE_QUESTION: f"Have a question? {contact} {STOP}",
        pb.SIGNATURE_TEMPLATE_CHAT: f"Need to chat? {contact} {STOP}",
        pb.SIGNATURE_TEMPLATE_HELP: f"We're here to help! {contact} {STOP}",
    }
    assert len(answer.templates) == 12


async def test_a_preview_is_the_text_as_the_company_s_recipients_get_it(
    signatures: Any, isp: Isp
) -> None:
    answer = await signatures.PreviewText(
        pb.PreviewTextRequest(text="Fixed.", signature_id=str(isp.signature_id))
    )
    body = answer.body
    assert body.text == (
        "Fixed. Need something else? Call +12125550142. Email help@northwind.example. " + STOP
    )
    assert (body.encoding, body.characters) == (body_pb2.ENCODING_GSM7, len(body.text))
    assert (body.billable_segments, body.carrier_segments) == (1, 1)
    assert (body.cost_micros, body.currency) == (15_000, "USD")
    assert not body.offending_characters and not answer.warnings


async def test_a_preview_tells_of_a_sentence_that_was_dropped(signatures: Any, isp: Isp) -> None:
    answer = await signatures.PreviewText(
        pb.PreviewTextRequest(
            text="Fixed.",
            signature_id=str(isp.signature_id),
            company_id=str(isp.french_company_id),
        )
    )
    assert answer.body.text == f"Fixed. Need something else? Call +15145550142. {STOP}"
    assert list(answer.warnings) == [
        "Fibre Boréale has no e-mail address for department Support: its sentence was dropped."
    ]


async def test_a_preview_names_the_characters_that_force_ucs2(signatures: Any, isp: Isp) -> None:
    answer = await signatures.PreviewText(pb.PreviewTextRequest(text="Crêpe ’ ê " * 8))
    assert answer.body.encoding == body_pb2.ENCODING_UCS2
    assert answer.body.carrier_segments == 2
    found = {
        c.character: (c.name, c.first_index, c.count) for c in answer.body.offending_characters
    }
    assert found == {
        "ê": ("LATIN SMALL LETTER E WITH CIRCUMFLEX", 2, 16),
        "’": ("RIGHT SINGLE QUOTATION MARK", 6, 8),
    }
    assert any("2 segments" in warning for warning in answer.warnings)
    assert any("UCS-2" in warning for warning in answer.warnings)


async def test_a_saved_message_is_previewed_in_the_language_asked_for(
    signatures: Any, isp: Isp
) -> None:
    request = pb.PreviewTextRequest(
        saved_message="UNPLANNED_OUTAGE_NO_ETA",
        company_id=str(isp.french_company_id),
        language=language_pb2.LANGUAGE_FR,
    )
    request.outage_start_time.FromDatetime(datetime.now(UTC))
    answer = await signatures.PreviewText(request)
    assert "Fibre Boréale" in answer.body.text
    assert "|" not in answer.body.text
    told = await failure(
        signatures.PreviewText(pb.PreviewTextRequest(saved_message="UNPLANNED_OUTAGE"))
    )
    assert set(told.violations) == {"outage_start_time", "outage_end_time"}


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (pb.PreviewTextRequest(), {"saved_message"}),
        (pb.PreviewTextRequest(saved_message="NONSENSE"), {"saved_message"}),
        (pb.PreviewTextRequest(text=""), {"text"}),
        (pb.PreviewTextRequest(text="x" * 1_601), {"text"}),
        (pb.PreviewTextRequest(text="界" * 700), {"text"}),
        (
            pb.PreviewTextRequest(text="x", company_id="1", signature_id="2", language=9),  # type: ignore[arg-type]
            {"company_id", "signature_id", "language"},
        ),
    ],
)
async def test_a_preview_of_what_cannot_be_sent_says_which_field(
    signatures: Any, isp: Isp, request_: pb.PreviewTextRequest, fields: set[str]
) -> None:
    told = await failure(signatures.PreviewText(request_))
    assert told.code == Code.INVALID_ARGUMENT
    assert set(told.violations) == fields


async def test_an_instance_without_a_company_is_asked_for_one(
    stub: Stubs, other_instance: Tenant
) -> None:
    others = stub(SignaturesStub, key=other_instance.key)
    assert (await others.PreviewText(pb.PreviewTextRequest(text="Hello"))).body.text == "Hello"
    request = pb.PreviewTextRequest(saved_message="UNPLANNED_OUTAGE_NO_ETA")
    request.outage_start_time.FromDatetime(datetime.now(UTC) - timedelta(hours=1))
    assert set((await failure(others.PreviewText(request))).violations) == {"company_id"}
