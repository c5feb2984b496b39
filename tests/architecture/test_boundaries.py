"""Who may touch what: schemas, imports, events, and what the repository must not contain.

Each rule has a self-test with a planted breach, so that a rule that sees nothing is seen.
"""

import re
from pathlib import Path

import grimp
import pytest

import shared
from shared.database.grants import VIEW_GRANTS
from shared.events import EVENTS
from tests.support import architecture as rules
from tests.support.architecture import CODE, ROOT, SERVICES, name_of, python_files, text_of

MENTION_THE_SANDBOX = (
    "shared/clouds/",  # the preset, and the resolver that keeps it on loopback
    "shared/settings.py",  # the two variables that the preset reads
    "services/cli/",  # `certifyclouds up` starts it
)
NOT_SHARED_BY_SERVICES = {
    "shared.clouds": "the cloud clients; the rotator and the syncer meet Azure in a later release",
    "shared.bus.asyncapi": "makes the AsyncAPI document",
    "shared.bus.broker.servicebus": "a whole FastStream broker; the bus needs only a part of it",
    "shared.events.reference": "makes the event reference",
    "shared.database.cluster": "the embedded server; the command line starts it for all",
    "shared.database.access": "run by `certifyclouds migrate` for all",
    "shared.database.bootstrap": "run by `certifyclouds migrate` for all",
    "shared.database.grants": "run by `certifyclouds migrate` for all",
    "shared.database.migrations": "run by `certifyclouds migrate` for all",
    "shared.database.migrator": "run by `certifyclouds migrate` for all",
    "shared.database.revisions": "run by `certifyclouds migrate` for all",
    "shared.database.scram": "run by `certifyclouds migrate` for all",
    "shared.crypto": "wraps stored keys; the syncer stores credentials in a later release",
    "shared.secret_value": "carries values for the rotator and the syncer of a later release",
}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_names_only_its_own_schema_and_the_views_granted_to_it(service: str) -> None:
    foreign = {
        name_of(path): names
        for path in rules.repository_files()
        if path.suffix in {".py", ".sql"} and path.is_relative_to(ROOT / "services" / service)
        for sql in rules.statements(path)
        if (names := rules.foreign_names(sql, service, VIEW_GRANTS.get(service, ())))
    }

    assert foreign == {}


# A pool lends its connections again without undoing such a thing.
STAYS_WITH_THE_SESSION = re.compile(
    r"\A\s*(SET (?!LOCAL )|LISTEN |DISCARD |PREPARE |CREATE TEMP)|pg_(try_)?advisory_lock"
)
HAVE_THEIR_OWN_CONNECTION = ("shared/database/", "services/cli/")


def test_no_statement_of_a_service_changes_its_session() -> None:
    changing = {
        name_of(path)
        for path in python_files(*CODE)
        if not name_of(path).startswith(HAVE_THEIR_OWN_CONNECTION)
        for string in rules.strings(text_of(path))
        if STAYS_WITH_THE_SESSION.search(string)
    }

    assert changing == set()
    for planted in ("SET search_path = x", "LISTEN x", "SELECT pg_advisory_lock(1)"):
        assert STAYS_WITH_THE_SESSION.search(planted)
    assert not STAYS_WITH_THE_SESSION.search("SET LOCAL x = 1; SELECT pg_advisory_xact_lock(1)")


def test_a_statement_on_a_foreign_table_is_seen() -> None:
    sql = "SELECT i.id FROM scanner.item AS i JOIN scanner.v_item AS v ON v.id = i.id"

    assert rules.foreign_names(sql, "alerting", ["scanner.v_item"]) == {"scanner.item"}
    assert rules.foreign_names(sql, "scanner", []) == set()
    assert rules.foreign_names("UPDATE bus.delivery SET x = 'audit.entry'", "rotator", []) == {
        "bus.delivery"
    }


@pytest.mark.parametrize("service", SERVICES)
def test_sql_lives_in_the_store_the_queries_and_the_migrations(service: str) -> None:
    home = ROOT / "services" / service
    rooms = [home / "store", home / "store.py", home / "queries", home / "queries.py"]
    strays = [
        name_of(path)
        for path in python_files("services")
        if path.is_relative_to(home)
        and not any(path == room or path.is_relative_to(room) for room in rooms)
        and rules.statements(path)
    ]

    assert strays == []


def test_sql_is_seen_in_a_source_and_in_a_script(tmp_path: Path) -> None:
    source, script = tmp_path / "handlers.py", tmp_path / "0001_x.sql"
    source.write_text('"""SELECT is a word here."""\nq = "SELECT id FROM gateway.app_user"\n')
    script.write_text("-- scanner.item is a comment\nCREATE TABLE alerting.rule ();\n")

    assert rules.statements(source) == ["SELECT id FROM gateway.app_user"]
    assert rules.foreign_names(rules.statements(script)[0], "alerting", []) == set()


def test_a_granted_view_is_published_by_its_owner() -> None:
    named = {view for views in VIEW_GRANTS.values() for view in views}

    assert all(view.split(".")[1].startswith("v_") for view in named)


def test_no_event_has_a_field_that_could_hold_a_value() -> None:
    assert {
        event.__name__: found
        for event in EVENTS.values()
        if (found := rules.value_like(_field_names(event.model_json_schema())))
    } == {}


def _field_names(schema: dict[str, object]) -> set[str]:
    """Return the names of all properties of a JSON schema, at any depth."""
    found: set[str] = set()
    for key, inner in schema.items():
        if key == "properties" and isinstance(inner, dict):
            found |= set(inner)
        parts = inner if isinstance(inner, list) else [inner]
        for part in parts:
            found |= _field_names(part) if isinstance(part, dict) else set()
    return found


def test_a_value_field_is_seen_and_a_reference_is_not() -> None:
    assert rules.value_like(["name", "secret_value", "new_password", "api_token"]) == [
        "secret_value",
        "new_password",
        "api_token",
    ]
    assert rules.value_like(["version", "source_version", "kind", "valid_until"]) == []
    nested = {"$defs": {"X": {"properties": {"value": {}}}}, "anyOf": [{"properties": {"a": {}}}]}
    assert _field_names(nested) == {"value", "a"}


def test_every_event_type_obeys_the_grammar() -> None:
    assert [name for name in EVENTS if not rules.obeys_grammar(name)] == []
    assert all(name == event.type for name, event in EVENTS.items())


@pytest.mark.parametrize(
    "wire_type",
    [
        "certifyclouds.secret.v1",
        "cc.secret.expiring.v1",
        "certifyclouds.secret.expiring",
        "certifyclouds.Secret.expiring.v1",
        "certifyclouds.secret.is_expiring.v1",
        "certifyclouds.secret.expiring.v0",
    ],
)
def test_a_type_outside_the_grammar_is_seen(wire_type: str) -> None:
    assert not rules.obeys_grammar(wire_type)


def test_event_names_are_written_in_the_catalogue_only() -> None:
    strays = {
        name_of(path): names
        for path in python_files(*CODE, "benchmarks")
        if not path.is_relative_to(ROOT / "shared" / "events")
        and (names := rules.event_names(text_of(path)))
    }

    assert strays == {}


def test_an_event_name_in_a_literal_is_seen_and_in_a_docstring_is_not() -> None:
    source = '"""About certifyclouds.a.b.v1."""\nx = "certifyclouds.secret.expiring.v1"\n'

    assert rules.event_names(source) == ["certifyclouds.secret.expiring.v1"]


def test_shared_is_the_one_of_this_repository() -> None:
    assert shared.__file__ is not None
    assert Path(shared.__file__).is_relative_to(ROOT)


def test_what_is_shared_is_used_by_two_services_at_least() -> None:
    graph = grimp.build_graph("services", "shared", cache_dir=None)
    users = {
        module: {
            user.split(".")[1]
            for user in graph.find_downstream_modules(module)
            if user.startswith("services.") and user.count(".") > 1
        }
        for module in graph.find_descendants("shared")
        if not graph.find_children(module)
    }

    assert rules.lonely(users, NOT_SHARED_BY_SERVICES) == {}
    assert set(NOT_SHARED_BY_SERVICES) <= graph.modules, "an exemption names what is not there"


def test_a_module_that_one_service_uses_is_seen_unless_it_is_exempt() -> None:
    users = {"shared.a": {"scanner"}, "shared.b": {"scanner", "gateway"}, "shared.c.d": set()}

    assert rules.lonely(users, ["shared.c"]) == {"shared.a": {"scanner"}}


def test_nobody_but_the_cloud_settings_and_the_command_line_knows_of_a_sandbox() -> None:
    assert [
        name
        for path in python_files("services", "shared")
        if not (name := name_of(path)).startswith(MENTION_THE_SANDBOX)
        and "sandbox" in text_of(path).lower()
    ] == []


def test_the_frameworks_private_parts_are_touched_in_one_folder() -> None:
    assert [
        name_of(path)
        for path in python_files(*CODE, "benchmarks")
        if not path.is_relative_to(ROOT / "shared" / "bus" / "broker")
        and rules.private_imports(text_of(path))
    ] == []
    assert rules.private_imports("from faststream._internal.broker import Broker")
