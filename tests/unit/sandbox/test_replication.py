"""What of a change to credentials is known where, and when."""

import pytest

from sandbox.clock import Clock
from sandbox.directory.replication import Replication
from sandbox.estate.directory import Application, KeyCredential, PasswordCredential


class Stopped(Clock):
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 1_000.0

    def time(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Stopped:
    return Stopped()


def password(key_id: str) -> PasswordCredential:
    return PasswordCredential(key_id=key_id, display_name=None, start=0, end=9_999, text="canary")


def key(key_id: str) -> KeyCredential:
    return KeyCredential(
        key_id=key_id, display_name=None, start=0, end=9_999, custom_key_identifier=None
    )


def application() -> Application:
    return Application(
        object_id="o",
        app_id="a",
        display_name="n",
        created=0,
        passwords=[password("old")],
        keys=[key("old-key")],
    )


def add(replication: Replication, found: Application, key_id: str) -> None:
    found.passwords.append(password(key_id))
    replication.added(found, found.passwords[-1])


def remove(replication: Replication, found: Application) -> None:
    replication.removed(found, found.passwords.pop())


def honoured(replication: Replication, found: Application) -> list[str]:
    return [each.key_id for each in replication.honoured(found, PasswordCredential)]


def read(replication: Replication, found: Application) -> list[str]:
    return [each.key_id for each in replication.read(found)[0]]


def test_without_a_delay_every_change_is_known_at_once(clock: Stopped) -> None:
    replication, found = Replication(clock), application()

    add(replication, found, "new")

    assert honoured(replication, found) == ["old", "new"]
    assert read(replication, found) == ["old", "new"]
    assert not replication.hides(found)


def test_an_addition_is_honoured_to_the_second(clock: Stopped) -> None:
    replication, found = Replication(clock, token_seconds=15), application()

    add(replication, found, "new")
    clock.at += 14.9
    early = honoured(replication, found)
    clock.at += 0.1

    assert (early, honoured(replication, found)) == (["old"], ["old", "new"])


def test_a_removal_is_honoured_to_the_second(clock: Stopped) -> None:
    replication, found = Replication(clock, token_seconds=15), application()

    remove(replication, found)
    early = honoured(replication, found)
    clock.at += 15

    assert (early, honoured(replication, found)) == (["old"], [])


def test_what_came_and_went_within_the_delay_was_never_honoured(clock: Stopped) -> None:
    replication, found = Replication(clock, token_seconds=15, stale_reads=3), application()

    add(replication, found, "brief")
    remove(replication, found)

    assert honoured(replication, found) == ["old"]
    assert read(replication, found) == ["old"]


def test_each_change_is_hidden_from_its_own_number_of_reads(clock: Stopped) -> None:
    replication, found = Replication(clock, stale_reads=2), application()

    add(replication, found, "first")
    seen = [read(replication, found)]
    add(replication, found, "second")
    seen += [read(replication, found) for _ in range(3)]

    assert seen == [["old"], ["old"], ["old", "first"], ["old", "first", "second"]]
    assert not replication.hides(found)


def test_a_delay_holds_for_the_changes_that_were_made_under_it(clock: Stopped) -> None:
    replication, found = Replication(clock, token_seconds=15), application()
    add(replication, found, "slow")

    replication.token_seconds = 0
    add(replication, found, "quick")

    assert honoured(replication, found) == ["old", "quick"]


def test_other_applications_and_other_kinds_are_not_touched(clock: Stopped) -> None:
    replication, found = Replication(clock, token_seconds=15, stale_reads=1), application()
    other = application()
    other.object_id = "another"

    add(replication, found, "new")

    assert not replication.hides(other)
    assert replication.honoured(found, KeyCredential) == found.keys
    assert replication.read(found)[1] == found.keys


def test_no_credential_shows_what_it_opens_with() -> None:
    assert "canary" not in repr(password("one"))
    assert "canary" not in repr(application())
