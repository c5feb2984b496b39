"""The queries that the sandbox's Resource Graph understands, and those that it refuses."""

import pytest

from sandbox.arm.kusto import InvalidQueryError, Row, parse

ROWS: list[Row] = [
    {"id": "/b", "name": "Bee", "size": 2, "tags": {"team": "x"}, "properties": {"on": True}},
    {"id": "/a", "name": "ant", "size": 10, "tags": None, "properties": {"on": False}},
    {"id": "/c", "name": "cat", "size": 3, "tags": {}, "properties": {}},
]


def names(query: str) -> list[str]:
    return [row["name"] for row in parse(f"Resources | {query}").run({"resources": ROWS})]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("name == 'ant'", ["ant"]),
        ("name == 'ANT'", []),
        ("name =~ 'ANT'", ["ant"]),
        ("name != 'ant'", ["Bee", "cat"]),
        ("name !~ 'ANT'", ["Bee", "cat"]),
        ("name in ('ant', 'cat')", ["ant", "cat"]),
        ("name in~ ('ANT', \"bee\")", ["ant", "Bee"]),
        ("name contains 'A'", ["ant", "cat"]),
        ("name startswith 'b'", ["Bee"]),
        ("tolower(name) == 'bee'", ["Bee"]),
        ("size == 10", ["ant"]),
        ("properties.on == true", ["Bee"]),
        ("tags['team'] == 'x'", ["Bee"]),
        ("isnotempty(tags)", ["Bee"]),
        ("isnotempty(tags) and name == 'ant'", []),
    ],
)
def test_conditions_choose_rows(condition: str, expected: list[str]) -> None:
    assert names(f"where {condition}") == expected


def test_rows_come_by_id_where_no_order_is_said() -> None:
    assert names("where size != 99") == ["ant", "Bee", "cat"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("order by tolower(name) asc", ["ant", "Bee", "cat"]),
        ("sort by tolower(name)", ["cat", "Bee", "ant"]),
        ("order by name asc | limit 1", ["Bee"]),
        ("take 2", ["ant", "Bee"]),
    ],
)
def test_orders_and_limits(order: str, expected: list[str]) -> None:
    assert names(order) == expected


def test_columns_are_chosen_named_and_added() -> None:
    query = "resources | extend on = tostring(properties.on) | project name, on, team = tags.team"

    rows = parse(query).run({"resources": ROWS})

    assert rows[1] == {"name": "Bee", "on": "true", "team": "x"}
    assert rows[0] == {"name": "ant", "on": "false", "team": None}


@pytest.mark.parametrize(
    ("query", "shows"),
    [
        ("resources", True),
        ("resources | project id, name", True),
        ("resources | project name", False),
        ("resources | project id = name", True),
        ("resources | project id, name | project name", False),
    ],
)
def test_a_query_knows_whether_it_shows_the_id(query: str, *, shows: bool) -> None:
    assert parse(query).shows_id is shows


@pytest.mark.parametrize(
    "query",
    [
        "secrets",
        "resources | summarize count()",
        "resources | where name",
        "resources | where name like 'x'",
        "resources | project name + id",
        "resources | limit many",
        "resources | order name",
        "",
    ],
)
def test_what_is_not_understood_is_refused(query: str) -> None:
    with pytest.raises(InvalidQueryError):
        parse(query)
