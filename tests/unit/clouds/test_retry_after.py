"""How long a service asks us to wait, in each form it may say so."""

from datetime import UTC, datetime

import pytest

from shared.clouds.retry_after import LONGEST_SECONDS, quota_wait, retry_after

NOW = datetime(2026, 11, 23, 18, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:00:05"}, 5.0),
        ({"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:01:02.5"}, 62.5),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"x-ms-retry-after-ms": "250"}, 0.25),
        ({"retry-after": "Mon, 23 Nov 2026 18:00:30 GMT"}, 30.0),
        ({"retry-after": "Mon, 23 Nov 2026 18:00:30 -0000"}, 30.0),
        (
            {
                "retry-after": "Mon, 23 Nov 2026 19:00:05 GMT",
                "date": "Mon, 23 Nov 2026 19:00:00 GMT",
            },
            5.0,
        ),
        ({"retry-after": "soon", "retry-after-ms": "100"}, 0.1),
    ],
)
def test_every_form_is_understood(headers: dict[str, str], seconds: float) -> None:
    assert retry_after(headers, clock=lambda: NOW) == seconds


@pytest.mark.parametrize(
    "text", ["", "soon", "nan", "Mon, 99 Nov 2026 18:00:30 GMT", "1 1 1", "\x00"]
)
def test_nonsense_is_not_an_answer(text: str) -> None:
    assert retry_after({"retry-after": text}, clock=lambda: NOW) is None


def test_silence_is_not_an_answer() -> None:
    assert retry_after({}) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("inf", LONGEST_SECONDS),
        ("1e300", LONGEST_SECONDS),
        ("-5", 0.0),
        ("Mon, 23 Nov 2026 17:00:00 GMT", 0.0),
        ("Thu, 23 Nov 2099 17:00:00 GMT", LONGEST_SECONDS),
    ],
)
def test_a_wait_is_neither_negative_nor_endless(text: str, seconds: float) -> None:
    assert retry_after({"retry-after": text}, clock=lambda: NOW) == seconds


@pytest.mark.parametrize(
    ("left", "resets", "seconds"),
    [("0", "00:00:03", 3.0), ("1", "00:00:03", 0.0), ("0", "soon", 0.0), ("0", "99:00:00", 3600.0)],
)
def test_a_used_up_quota_is_waited_for_and_one_that_is_left_is_not(
    left: str, resets: str, seconds: float
) -> None:
    headers = {"x-ms-user-quota-remaining": left, "x-ms-user-quota-resets-after": resets}

    assert quota_wait(headers) == seconds
    assert quota_wait({}) == 0.0
