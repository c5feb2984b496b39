"""What is wrong with the bus, and until when it counts."""

from shared.bus.standing import Standing


def test_a_trouble_counts_until_it_is_cleared_and_a_newer_sentence_takes_its_place() -> None:
    standing = Standing()
    standing.tell("disk", "It is nearly full.")
    standing.tell("alarm", "The broker takes nothing.")
    standing.tell("disk", "It is full.")
    before = standing.troubles()
    standing.clear("disk")
    standing.clear("nothing of the kind")

    assert before == ["It is full.", "The broker takes nothing."]
    assert standing.troubles() == ["The broker takes nothing."]


def test_a_trouble_that_others_may_mend_is_forgotten_when_it_is_not_said_again() -> None:
    now = 0.0
    standing = Standing(lambda: now)
    standing.tell("relay", "It stays in the outbox.", seconds=60)
    now = 59.0
    young = standing.troubles()
    standing.tell("relay", "It stays there.", seconds=60)
    now = 118.0
    said_again = standing.troubles()
    now = 119.0

    assert young == ["It stays in the outbox."]
    assert said_again == ["It stays there."]
    assert standing.troubles() == []
