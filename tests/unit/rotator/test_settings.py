"""What the rotator is told from outside."""

from datetime import timedelta

import pytest

from services.rotator.settings import Settings


@pytest.mark.parametrize(
    ("acts", "needed"),
    [("", False), ("purge-dead-letters", False), ("purge-dead-letters, rotations", True)],
)
def test_rotations_by_policies_wait_for_approval_where_all_rotations_do(
    acts: str, *, needed: bool
) -> None:
    settings = Settings.model_construct(approval_required=acts)

    assert settings.rotations_need_approval is needed


def test_a_rotation_is_announced_so_many_days_before() -> None:
    settings = Settings.model_construct(rotation_notice_days=1.5)

    assert settings.notice == timedelta(hours=36)
