"""How long is waited before the next look."""

from services.rotator.domain import pace
from services.rotator.domain.state import State
from tests.support.saga.values import a_rotation


def test_a_new_credential_is_tested_twelve_times_over_270_seconds_ever_more_sparsely() -> None:
    waits = [pace.until_next_poll(a_rotation(State.CREATED, polls=n)) for n in range(13)]

    assert waits == [2.0, 4.0, 8.0, 16.0, *[30.0] * 8, None]
    assert sum(pace.POLLS) == 270.0
