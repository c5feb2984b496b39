"""How long is waited before the next look."""

import pytest

from services.rotator.domain import pace
from services.rotator.domain.rotation import CONFIRMATIONS
from services.rotator.domain.state import State
from tests.support.saga.values import a_rotation


def test_a_new_credential_is_tested_twelve_times_over_270_seconds_ever_more_sparsely() -> None:
    waits = [pace.until_next_poll(a_rotation(State.CREATED, polls=n)) for n in range(13)]

    assert waits == [2.0, 4.0, 8.0, 16.0, *[30.0] * 8, None]
    assert sum(pace.POLLS) == 270.0


def test_its_last_confirmation_is_not_waited_after() -> None:
    waits = [
        pace.until_next_confirmation(a_rotation(State.CREATED, confirmations=done))
        for done in range(CONFIRMATIONS)
    ]

    assert waits == [15.0, 15.0, 0.0]


def test_a_step_that_failed_is_tried_for_hours_and_then_left_to_a_person() -> None:
    waits = [pace.until_next_try(tries) for tries in range(16)]

    assert waits[:5] == [30.0, 120.0, 600.0, 1_800.0, 7_200.0]
    assert waits[15] is None
    assert pace.until_next_try(15, 5.0) is None


@pytest.mark.parametrize(
    ("named", "waited"), [(7.0, 7.0), (0.0, 1.0), (-3.0, 1.0), (1e9, 86_400.0), (None, 30.0)]
)
def test_a_wait_that_the_cloud_names_counts_up_to_a_day(named: float | None, waited: float) -> None:
    assert pace.until_next_try(0, named) == waited
