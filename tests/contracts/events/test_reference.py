"""The event reference and the AsyncAPI document are what the code says now."""

import copy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import ValidationError
from pydantic_asyncapi.v3 import AsyncAPI

from shared.bus import asyncapi
from shared.bus.topology import PUBLICATIONS, SUBSCRIPTIONS
from shared.events import EVENTS
from shared.events.reference import write
from tests.contracts.events.examples import EXAMPLES

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


@pytest.mark.parametrize("name", ["events.md", "asyncapi.json"])
def test_the_committed_reference_is_current(name: str, tmp_path: Path) -> None:
    write(tmp_path)
    assert (REFERENCE / name).read_text() == (tmp_path / name).read_text(), "run: make docs"


def test_every_event_is_published_and_heard_by_somebody() -> None:
    assert {event.type for events in PUBLICATIONS.values() for event in events} == set(EVENTS)
    assert {event.type for events in SUBSCRIPTIONS.values() for event in events} == set(EVENTS)


def test_every_reference_in_the_document_leads_somewhere() -> None:
    document = asyncapi.document()
    references = list(_references(document))
    assert references
    for reference in references:
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_the_document_is_asyncapi_3_and_has_every_event() -> None:
    document = asyncapi.document()
    AsyncAPI.model_validate(document)
    assert document["asyncapi"] == "3.0.0"
    assert {channel["address"] for channel in document["channels"].values()} == set(EVENTS)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("info", "version"), None),
        (("asyncapi",), "2.6.0"),
        (("operations", "*", "action"), "publish"),
        (("operations", "*", "channel"), None),
        (("operations", "*", "channel"), "scan-requested"),
        (("components", "messages", "*", "payload"), 5),
        (("components", "schemas", "*", "type"), "text"),
    ],
    ids=lambda given: ".".join(given) if isinstance(given, tuple) else None,
)
def test_a_document_that_is_not_asyncapi_3_is_refused(place: tuple[str, ...], value: Any) -> None:
    document = copy.deepcopy(asyncapi.document())
    *path, last = place
    node: Any = document
    for part in path:
        node = next(iter(node.values())) if part == "*" else node[part]
    node[last] = value
    with pytest.raises(ValidationError):
        AsyncAPI.model_validate(document)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda event: event.type)
def test_the_documented_schema_accepts_what_is_sent(example: Any) -> None:
    document = asyncapi.document()
    payload = document["components"]["messages"][type(example).__name__]["payload"]
    schema = {**payload, "components": document["components"]}
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    validator.validate(example.model_dump(mode="json"))


def _references(node: Any) -> Any:
    if isinstance(node, dict):
        if isinstance(reference := node.get("$ref"), str):
            yield reference
        for child in node.values():
            yield from _references(child)
    elif isinstance(node, list):
        for child in node:
            yield from _references(child)
