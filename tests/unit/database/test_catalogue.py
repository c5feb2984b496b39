"""Schemas, heads, floors."""

from pathlib import Path

import pytest

from shared.database import SCHEMAS, SERVICES
from shared.database.catalogue import head, migrations, owner
from shared.database.grants import VIEW_GRANTS
from shared.database.schema import check_floor
from shared.errors import SchemaError


def test_the_head_is_the_highest_number_among_the_migrations(tmp_path: Path) -> None:
    for name in ("0001_a.py", "0010_c.py", "0002_b.py", "0099_only.sql", "README.py"):
        (tmp_path / name).touch()

    assert head(tmp_path) == "0010"


def test_a_folder_without_migrations_has_no_head(tmp_path: Path) -> None:
    assert head(tmp_path / "absent") is None


def test_shared_schemas_live_under_shared_and_services_under_services() -> None:
    assert migrations("audit").parts[-3:] == ("shared", "audit", "migrations")
    assert migrations("scanner").parts[-3:] == ("services", "scanner", "migrations")


def test_every_schema_has_an_owner_of_its_own() -> None:
    assert len({owner(schema) for schema in SCHEMAS}) == len(SCHEMAS)


def test_the_grants_name_services_and_published_views_only() -> None:
    for reader, views in VIEW_GRANTS.items():
        assert reader in SERVICES
        for view in views:
            schema, _, name = view.partition(".")
            assert schema in SERVICES
            assert name.startswith("v_")


def test_nobody_is_granted_its_own_views_or_a_view_twice() -> None:
    for reader, views in VIEW_GRANTS.items():
        assert len(set(views)) == len(views)
        assert not any(view.startswith(f"{reader}.") for view in views)


def test_code_below_the_floor_stops_with_a_sentence() -> None:
    with pytest.raises(SchemaError, match="too new: it needs code that knows migration 0007"):
        check_floor("scanner", "0006", "0007")


@pytest.mark.parametrize(("known", "floor"), [("0007", "0007"), ("0008", "0007"), ("0001", None)])
def test_code_at_or_above_the_floor_runs(known: str, floor: str | None) -> None:
    check_floor("scanner", known, floor)
