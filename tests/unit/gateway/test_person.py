"""Who changes whose rights, and how that is told."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from services.gateway.domain.person import Person, difference, refusal
from services.gateway.domain.role import Role

ADA = Person(
    id=uuid4(),
    username="ada",
    role=Role.ADMIN,
    scope="",
    disabled=False,
    must_change_password=False,
    created_at=datetime(2026, 3, 1, tzinfo=UTC),
    revision=3,
)
EVE = replace(ADA, id=uuid4(), username="eve", role=Role.VIEWER)


@pytest.mark.parametrize(
    ("actor", "why"),
    [
        (ADA, None),
        (replace(ADA, id=EVE.id), "Another administrator changes your account"),
        (replace(ADA, role=Role.OPERATOR), "Your own rights were changed meanwhile"),
        (replace(ADA, disabled=True), "Your own rights were changed meanwhile"),
        (None, "Your own rights were changed meanwhile"),
    ],
)
def test_only_another_administrator_who_can_sign_in_changes_somebody(
    actor: Person | None, why: str | None
) -> None:
    found = refusal(actor, EVE)

    assert (why is None) == (found is None)
    assert why is None or (found is not None and why in found)


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (replace(EVE, role=Role.AUDITOR), ("role=viewer", "role=auditor")),
        (replace(EVE, scope="sub:a"), ("scope=everything", "scope=sub:a")),
        (replace(EVE, disabled=True), ("enabled", "disabled")),
        (
            replace(EVE, role=Role.ADMIN, disabled=True),
            ("role=viewer, enabled", "role=admin, disabled"),
        ),
        (EVE, ("", "")),
    ],
)
def test_a_change_is_told_in_words_as_it_was_and_as_it_is(
    after: Person, words: tuple[str, str]
) -> None:
    assert difference(EVE, after) == words
