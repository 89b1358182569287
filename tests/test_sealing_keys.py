"""The file of the sealing keys: what it may hold, who may read it, how a key replaces another."""

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest

from outbound_sms.sealing_keys import (
    SealingKeysError,
    add_key_line,
    make_key_line,
    read_sealing_keys,
)

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
KEY = bytes(range(32))
TEXT = base64.b64encode(KEY).decode()


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "sealing-keys"
    file.write_text(text)
    file.chmod(mode)
    return file


def problems(file: Path) -> tuple[str, ...]:
    with pytest.raises(SealingKeysError) as caught:
        read_sealing_keys(file)
    return caught.value.problems


def test_the_first_key_seals_and_all_are_read(tmp_path: Path) -> None:
    other = base64.b64encode(KEY[::-1]).decode()
    keys = read_sealing_keys(write(tmp_path, f"# ours\n\nnew  {TEXT} \n old {other}\n"))
    assert keys.sealing == "new"
    assert keys.keys == {"new": KEY, "old": KEY[::-1]}


def test_a_made_key_is_read_and_tells_its_day(tmp_path: Path) -> None:
    key_id, line = make_key_line(NOW)
    keys = read_sealing_keys(write(tmp_path, line))
    assert (keys.sealing, len(keys.keys[key_id])) == (key_id, 32)
    assert key_id.startswith("2026-11-23-")
    assert make_key_line(NOW)[1] != line


def test_a_new_key_goes_in_front_and_only_the_owner_reads_the_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    (old_id, old), (new_id, new) = make_key_line(NOW), make_key_line(NOW)
    add_key_line(file, old)
    add_key_line(file, new)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text() == f"{new}\n{old}\n"
    keys = read_sealing_keys(file)
    assert (keys.sealing, set(keys.keys)) == (new_id, {old_id, new_id})
    assert [each.name for each in tmp_path.iterdir()] == ["keys"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610, 0o602])
def test_a_file_that_others_may_read_is_refused_and_not_added_to(tmp_path: Path, mode: int) -> None:
    file = write(tmp_path, f"k {TEXT}\n", mode)
    assert problems(file) == (f"{file}: others may read it: run `chmod 600 {file}`",)
    with pytest.raises(SealingKeysError, match="chmod 600"):
        add_key_line(file, make_key_line(NOW)[1])
    assert file.read_text() == f"k {TEXT}\n"


@pytest.mark.parametrize(
    "line",
    [
        "k",
        f"{TEXT}",
        "k not-base64",
        f"k {TEXT[:-4]}",
        f"k {TEXT} more",
        f"k:1 {TEXT}",
        f"{'k' * 65} {TEXT}",
        f"k {base64.b64encode(bytes(31)).decode()}",
        f"k {base64.b64encode(bytes(33)).decode()}",
        f"ké {TEXT}",
    ],
)
def test_a_line_that_is_no_key_is_told_by_its_number_only(tmp_path: Path, line: str) -> None:
    file = write(tmp_path, f"good {TEXT}\n{line}\n")
    (problem,) = problems(file)
    assert f"{file}: line 2 must be" in problem
    assert TEXT[:20] not in problem


def test_all_wrong_lines_are_told_at_once(tmp_path: Path) -> None:
    file = write(tmp_path, f"k {TEXT}\nk {TEXT}\nbad\n")
    assert [problem.partition(": ")[2][:6] for problem in problems(file)] == ["line 2", "line 3"]


def test_a_file_without_a_key_or_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    assert "make-sealing-key --file" in problems(write(tmp_path, "# none\n"))[0]
    assert "cannot be read" in problems(tmp_path / "elsewhere")[0]
    assert "cannot be read" in problems(tmp_path)[0]


def test_the_keys_are_not_in_the_text_of_the_object(tmp_path: Path) -> None:
    shown = repr(read_sealing_keys(write(tmp_path, f"k {TEXT}\n")))
    assert shown == "SealingKeys(sealing='k')"
