"""How the benchmark of faults sees that the sick came to what they must and the healthy to all."""

from benchmarks.faults import FAULTS, SICK, WORLD, Measured, wrong_items, wrong_outcomes


def scan(items: int) -> Measured:
    return Measured(seconds=1.0, cpu=1.0, items=items, outcomes={})


def test_each_fault_has_a_vault_of_its_own_and_most_vaults_are_well() -> None:
    assert list(SICK.values()) == list(FAULTS)
    assert len(SICK) < WORLD.vaults / 2


def test_outcomes_as_they_must_be_are_no_complaint() -> None:
    assert wrong_outcomes({name: fault.outcome for name, fault in SICK.items()}) == []


def test_a_sick_vault_that_came_to_something_else_is_told() -> None:
    outcomes = {name: fault.outcome for name, fault in SICK.items()}
    hanging = next(name for name, fault in SICK.items() if fault.name == "hanging")

    assert wrong_outcomes(outcomes | {hanging: "ok"}) == [
        "the vault with the fault `hanging` came to ok, not timed_out"
    ]
    assert len(wrong_outcomes({})) == len(FAULTS)


def test_scans_that_found_different_numbers_of_items_are_told() -> None:
    assert wrong_items([scan(5), scan(5)]) == []
    assert wrong_items([scan(5), scan(4)]) == ["the healthy vaults held [4, 5] items"]
