"""What may be written to the audit log."""

from typing import Any

import pytest
from pydantic import ValidationError

from shared.audit import Action, AuditEntry

FACTS: dict[str, Any] = {"action": Action.SCAN_REQUESTED, "actor": "anna", "subject": "scan 1"}


def test_an_entry_needs_act_actor_and_subject_only() -> None:
    entry = AuditEntry(**FACTS)

    assert entry.outcome == "done"
    assert entry.reason is None


@pytest.mark.parametrize(
    "more",
    [
        {"value": "hunter2"},
        {"details": {"anything": "goes"}},
        {"actor": ""},
        {"actor": "x" * 301},
        {"subject": "x" * 301},
        {"reason": "x" * 501},
        {"reason": "nul \x00 byte"},
        {"action": "made:up"},
        {"outcome": "perhaps"},
        {"address": "not an address"},
        {"amount": -1},
        {"amount": 2**63},
    ],
    ids=lambda more: next(iter(more)),
)
def test_what_is_not_on_the_list_or_out_of_bounds_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AuditEntry(**{**FACTS, **more})


def test_an_entry_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        AuditEntry(**FACTS).actor = "bert"  # type: ignore[misc]


@pytest.mark.parametrize("action", Action)
def test_an_act_is_named_subject_and_what(action: Action) -> None:
    subject, what = action.split(":")

    assert subject
    assert what
