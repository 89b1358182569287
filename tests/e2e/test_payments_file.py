"""A server that cannot charge as it is configured does not start, and says what to change."""

from pathlib import Path

import pytest

from tests.e2e.processes import run_program


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        ('kind = "barter"', "kind: must be one of"),
        ('kind = "stripe"\ntimeout = 3', "api_key: is missing"),
    ],
)
async def test_a_wrong_payments_file_is_told_before_anything_starts(
    tmp_path: Path, text: str | None, said: str
) -> None:
    file = tmp_path / "payments.toml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    ran = await run_program(
        "serve", folder=tmp_path, environment={"OUTBOUND_SMS_PAYMENTS": str(file)}
    )
    assert ran.code != 0
    assert said in ran.errors
    assert str(file) in ran.errors
    assert "Traceback" not in ran.errors
    assert not ran.output
