"""What makes a benchmark's line good or bad, and the run's exit code."""

import math
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from benchmarks import __main__ as command
from benchmarks.lines import Bound, Line, exit_code, percentile
from benchmarks.registry import ENTRIES, Entry, Wanted, chosen, wanted_by


def line(ours: float = 3.0, reference: float | None = 2.0, **given: object) -> Line:
    shown = {"bench": "walk", "unit": "s", "what": "a walk", **given}
    return Line(ours=ours, reference=reference, **shown)  # type: ignore[arg-type]


def test_the_ratio_is_ours_over_the_reference_and_none_without_one() -> None:
    assert line().ratio == 1.5
    assert line(reference=None).ratio is None


@pytest.mark.parametrize(
    ("bound", "holds"),
    [
        (Bound(figure="ratio", most=1.5), True),
        (Bound(figure="ratio", most=1.49), False),
        (Bound(figure="ratio", least=1.5), True),
        (Bound(figure="ratio", least=1.51), False),
        (Bound(figure="ratio", least=1.0, most=2.0), True),
        (Bound(figure="nothing", most=9.0), False),
        (Bound(figure="broken", most=9.0), False),
        (Bound(figure="endless", least=0.0), False),
    ],
)
def test_a_bound_holds_for_a_number_within_it_and_for_nothing_else(
    bound: Bound, holds: bool
) -> None:
    measured = line(bounds=[bound], figures={"broken": math.nan, "endless": math.inf})

    assert (measured.missed() == []) is holds
    assert measured.document()["ok"] is holds


def test_a_broken_promise_misses_although_every_bound_holds() -> None:
    measured = line(bounds=[Bound(figure="ratio", most=9)], broken=["it wrote to scanner.item"])

    assert measured.missed() == ["it wrote to scanner.item"]
    assert measured.document()["ok"] is False


def test_a_line_says_what_was_measured_beside_what_and_against_which_goal() -> None:
    bounds = [Bound(figure="ratio", most=2.5), Bound(figure="peak_mb", most=250)]
    shown = orjson.loads(line(bounds=bounds, figures={"peak_mb": 249.96}).text())

    assert list(shown)[:6] == ["bench", "ours", "reference", "ratio", "unit", "goal"]
    assert shown["goal"] == "ratio <= 2.5, peak_mb <= 250"
    assert (shown["ours"], shown["ratio"], shown["peak_mb"]) == (3.0, 1.5, 250.0)
    assert shown["load"] >= 0


def test_the_exit_code_is_0_only_when_something_was_measured_and_everything_held() -> None:
    good, bad = line(), line(bounds=[Bound(figure="ratio", most=1)])

    assert exit_code([good], []) == 0
    assert exit_code([good, bad], []) == 1
    assert exit_code([good], ["the other could not be measured"]) == 1
    assert exit_code([], []) == 1


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(100, 0, -1)]

    assert percentile(values, 0.99) == 99.0
    assert percentile(values, 0.5) == 50.0
    assert percentile([7.0], 0.01) == 7.0
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)


def test_names_and_patterns_choose_what_is_measured() -> None:
    entries = [
        Entry(("discovery-B",), "m", "b", 1),
        Entry(("inventory-page-tag", "inventory-overview"), "m", "i", 1),
    ]

    assert chosen(wanted_by(""), entries) == entries
    assert chosen(wanted_by("inventory-page-*"), entries) == entries[1:]
    assert chosen(wanted_by("discovery-B, inventory-overview"), entries) == entries
    with pytest.raises(ValueError, match="There are: discovery-B, inventory-page-tag"):
        chosen(wanted_by("discovery-X"), entries)


def test_every_registered_benchmark_can_be_loaded_and_has_a_name_of_its_own() -> None:
    names = [name for entry in ENTRIES for name in entry.names]

    assert all(callable(entry.load()) for entry in ENTRIES)
    assert len(set(names)) == len(names)


async def walks(_: Wanted) -> AsyncIterator[Line]:
    yield line()
    yield line(bench="run")


async def stumbles(_: Wanted) -> AsyncIterator[Line]:
    raise RuntimeError("the ground is gone")
    yield line()


def test_only_wanted_lines_are_printed_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = Entry(("walk", "run"), __name__, "walks", 5)
    kept = tmp_path / "results.jsonl"

    assert command.run([entry], wanted_by("run"), kept) == 0
    assert [orjson.loads(text)["bench"] for text in capsys.readouterr().out.splitlines()] == ["run"]
    assert [orjson.loads(text)["bench"] for text in kept.read_text().splitlines()] == ["run"]


def test_one_that_cannot_be_measured_is_told_and_hides_no_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    entries = [Entry(("fall",), __name__, "stumbles", 5), Entry(("walk",), __name__, "walks", 5)]

    assert command.run(entries, wanted_by(""), None) == 1
    told = capsys.readouterr()
    assert "fall could not be measured" in told.err
    assert "the ground is gone" in told.err
    assert '"bench":"walk"' in told.out


def test_an_unknown_name_ends_with_status_2_and_the_known_names(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.main(["--only", "nothing-like-it"]) == 2
    assert "discovery-B" in capsys.readouterr().err
