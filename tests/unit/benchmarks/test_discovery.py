"""How a discovery benchmark sees that both sides did the same, and what a rescan may write."""

from collections import Counter
from pathlib import Path

from benchmarks import reference_lister
from benchmarks.clouds import Calls
from benchmarks.databases import Writes
from benchmarks.discovery import differences
from benchmarks.rescan import strays
from benchmarks.scanning import Measured


def scan(calls: Calls, items: int = 10) -> Measured:
    return Measured(seconds=1.0, cpu=1.0, items=items, calls=calls, sandbox_cpu=1.0)


def calls(*paths: str) -> Calls:
    return Counter((f"GET kv{path}", "200", (("api-version", "7.6"),)) for path in paths)


def test_scans_that_asked_the_same_in_any_order_do_not_differ() -> None:
    one, other = calls("/secrets", "/keys"), calls("/keys", "/secrets")

    assert differences([scan(one), scan(other), scan(one)]) == []


def test_a_call_that_only_one_side_made_is_told() -> None:
    once, twice = calls("/secrets"), calls("/secrets", "/secrets")

    (sentence,) = differences([scan(once), scan(twice)])

    assert "1 calls are on one side only" in sentence
    assert "GET kv/secrets" in sentence


def test_a_side_that_found_less_is_told() -> None:
    one = calls("/secrets")

    assert differences([scan(one, 10), scan(one, 9)]) == [
        "one side found 10 items, the other 9",
    ]


def test_writes_since_a_moment_leave_out_what_was_left_alone() -> None:
    before = Writes({"a": {"inserted": 5, "updated": 1}, "b": {"inserted": 2}}, 1_000)
    after = Writes(
        {"a": {"inserted": 5, "updated": 4}, "b": {"inserted": 2}, "c": {"deleted": 1}}, 1_600
    )

    assert after.since(before) == Writes({"a": {"updated": 3}, "c": {"deleted": 1}}, 600)


def test_a_rescan_may_write_of_itself_and_nothing_of_the_inventory() -> None:
    assert strays({"scanner.scan": {"inserted": 1}, "bus.message": {"inserted": 9}}) == []
    assert strays({"scanner.item": {"updated": 3}}) == [
        "a rescan of what is unchanged wrote to scanner.item: {'updated': 3}"
    ]


def test_the_reference_is_short_enough_to_be_read_at_once() -> None:
    lines = Path(reference_lister.__file__).read_text().splitlines()

    assert len(lines) <= 80
