"""The event reference and the AsyncAPI document are what the code says now."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

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


def test_the_document_has_what_asyncapi_3_requires() -> None:
    document = asyncapi.document()
    assert document["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= document["info"].keys()
    assert {channel["address"] for channel in document["channels"].values()} == set(EVENTS)
    for operation in document["operations"].values():
        assert operation["action"] in {"send", "receive"}
        assert operation["channel"]["$ref"].startswith("#/channels/")


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
