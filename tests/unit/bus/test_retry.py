"""When a failed message comes again, and when it is laid aside."""

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from shared.bus import Retry
from shared.bus.message import UnreadableError
from shared.bus.retry import (
    DESCRIPTION_LENGTH,
    LONGEST_WAIT_SECONDS,
    Again,
    Dead,
    describe,
    verdict,
)
from shared.errors import PermanentError, TransientError

policies = st.builds(
    Retry,
    attempts=st.integers(1, 20),
    transient_attempts=st.integers(1, 50),
    base=st.floats(0.001, 60),
    cap=st.floats(0.001, 3600),
    jitter=st.floats(0, 0.9),
)
attempts = st.integers(0, 10_000)


@given(policies, attempts)
def test_a_delay_is_the_doubled_base_up_to_the_cap_give_or_take_the_jitter(
    retry: Retry, attempt: int
) -> None:
    expected = min(retry.cap, retry.base * 2.0 ** min(attempt, 60))
    delay = retry.delay(attempt)
    assert expected * (1 - retry.jitter) * 0.999 <= delay <= expected * (1 + retry.jitter) * 1.001


@given(policies, attempts, st.floats(0, LONGEST_WAIT_SECONDS))
def test_nobody_is_asked_again_before_the_time_that_they_named(
    retry: Retry, attempt: int, retry_after: float
) -> None:
    assert retry.delay(attempt, retry_after=retry_after) >= retry_after


@given(policies, attempts, st.floats(LONGEST_WAIT_SECONDS, 1e12))
def test_an_absurd_wait_is_cut(retry: Retry, attempt: int, retry_after: float) -> None:
    longest = max(LONGEST_WAIT_SECONDS, retry.cap)
    assert retry.delay(attempt, retry_after=retry_after) <= longest * (1 + retry.jitter) * 1.001


def test_delays_of_many_messages_are_spread() -> None:
    assert len({Retry().delay(3) for _ in range(50)}) > 40


@given(policies, attempts)
def test_every_failure_ends_sometime(retry: Retry, attempt: int) -> None:
    for error, allowed in (
        (RuntimeError("fault"), retry.attempts),
        (TransientError("weather"), retry.transient_attempts),
    ):
        decision = verdict(error, attempt=attempt, retry=retry)
        assert isinstance(decision, Again if attempt + 1 < allowed else Dead)


@pytest.mark.parametrize(
    "error",
    [
        TransientError("The vault throttles us."),
        ConnectionRefusedError("refused"),
        TimeoutError(),
        asyncpg.CannotConnectNowError("starting up"),
        asyncpg.DeadlockDetectedError("deadlock"),
    ],
)
def test_weather_is_waited_out_for_longer_than_a_fault(error: Exception) -> None:
    assert isinstance(verdict(error, attempt=5, retry=Retry()), Again)
    assert verdict(RuntimeError("a fault"), attempt=5, retry=Retry()) == Dead(
        "attempts_exhausted", "RuntimeError: a fault"
    )


def test_what_trying_again_cannot_change_is_laid_aside_at_once() -> None:
    retry = Retry(attempts=100, transient_attempts=100)
    assert verdict(PermanentError("No."), attempt=0, retry=retry) == Dead(
        "permanent_error", "PermanentError: No."
    )
    assert verdict(a_validation_error("x"), attempt=0, retry=retry) == Dead(
        "permanent_error", "ValidationError: days: int_parsing"
    )
    assert verdict(UnreadableError("unknown_type", "What?"), attempt=0, retry=retry) == Dead(
        "unknown_type", "UnreadableError: What?"
    )


def test_a_description_never_repeats_what_a_field_held() -> None:
    assert "hunter2" not in describe(a_validation_error("hunter2"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two.", "ValueError: One."),
        ("One line\nand a traceback", "ValueError: One line"),
        ("", "ValueError: "),
        ("Bearer abcdefghijkl", "ValueError: Bearer [redacted]"),
        ("amqp://user:hunter2@host", "ValueError: amqp://user:[redacted]@host"),
    ],
)
def test_a_description_is_the_first_sentence_scrubbed(text: str, expected: str) -> None:
    assert describe(ValueError(text)) == expected


@given(st.text())
def test_a_description_is_short(text: str) -> None:
    assert len(describe(ValueError(text))) <= DESCRIPTION_LENGTH


def a_validation_error(value: str) -> ValidationError:
    class Rule(BaseModel):
        days: int

    with pytest.raises(ValidationError) as caught:
        Rule.model_validate({"days": value})
    return caught.value
