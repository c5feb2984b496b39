"""Verifying an exported log without a database."""

from pathlib import Path

import pytest

from shared.audit import verify_export
from shared.errors import PermanentError


@pytest.mark.parametrize("line", ["hello", "{}", '{"seal": 1, "entry": null}', '{"seal": null}'])
def test_a_file_that_is_no_export_is_a_sentence_with_the_line(line: str, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text(line + "\n")

    with pytest.raises(PermanentError, match="Line 1 is not a line of an exported audit log"):
        verify_export(file, [], [])


def test_an_empty_log_is_intact(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.touch()

    assert verify_export(file, [], []).intact
