"""What goes over the wire stays what it was: a golden file per event, and tolerant readers."""

import re
from pathlib import Path

import orjson
import pytest
from pydantic import ValidationError

from shared.events import EVENTS, Event, event_class
from tests.contracts.events.examples import EXAMPLES

GOLDEN = Path(__file__).parent / "golden"
each_event = pytest.mark.parametrize("example", EXAMPLES, ids=lambda event: event.type)


def golden(event: Event) -> bytes:
    return (GOLDEN / f"{event.type}.json").read_bytes()


def test_every_event_has_an_example_and_a_golden_file() -> None:
    assert {example.type for example in EXAMPLES} == set(EVENTS)
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(EVENTS)


@each_event
def test_an_event_is_written_as_its_golden_file_says(example: Event) -> None:
    assert orjson.loads(example.model_dump_json()) == orjson.loads(golden(example))


@each_event
def test_a_golden_file_is_read_as_the_same_event(example: Event) -> None:
    reader = event_class(example.type)
    assert reader is type(example)
    assert reader.model_validate_json(golden(example)) == example


@each_event
def test_a_reader_ignores_fields_of_a_later_release(example: Event) -> None:
    later = {**orjson.loads(golden(example)), "added_in_a_later_release": {"any": ["thing"]}}
    assert type(example).model_validate_json(orjson.dumps(later)) == example


@each_event
def test_a_missing_required_field_is_an_error_and_not_a_guess(example: Event) -> None:
    fields = orjson.loads(golden(example))
    required = [name for name, field in type(example).model_fields.items() if field.is_required()]
    assert required
    for name in required:
        without = {key: value for key, value in fields.items() if key != name}
        with pytest.raises(ValidationError):
            type(example).model_validate_json(orjson.dumps(without))


@each_event
def test_an_event_cannot_be_changed(example: Event) -> None:
    name = next(iter(type(example).model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(example, name, None)


@pytest.mark.parametrize("wire_type", EVENTS)
def test_wire_types_follow_one_pattern(wire_type: str) -> None:
    assert re.fullmatch(r"certifyclouds\.[a-z]+\.[a-z]+(-[a-z]+)*\.v[1-9]\d*", wire_type)


def test_an_unknown_wire_type_has_no_class() -> None:
    assert event_class("certifyclouds.moon.landed.v1") is None
