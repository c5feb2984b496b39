"""Where resources with keys are found beside the vaults, by whom, and without a key."""

import pytest

from tests.support.keyed import VERSIONS, resource
from tests.support.sandbox import Way

STORAGE = "Microsoft.Storage/storageAccounts"


async def test_resources_of_one_type_are_listed_by_filter(way: Way) -> None:
    found = resource(way, STORAGE)
    subscription = found.shown["id"].split("/resourceGroups/")[0]
    url = f"{way.ready['arm']}{subscription}/resources?api-version=2021-04-01"

    some = await found.follow("GET", f"{url}&$filter=resourceType eq '{STORAGE}'")

    assert [each["type"] for each in some.body["value"]] == [STORAGE] * 3


@pytest.mark.parametrize("type_name", VERSIONS)
async def test_resource_graph_finds_them_for_whoever_may_read(way: Way, type_name: str) -> None:
    found = resource(way, type_name, "discover")
    keys = await resource(way, type_name).keys()
    url = f"{way.ready['arm']}/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01"
    query = f"Resources | where type =~ '{type_name}' | project id, name, properties, tags"

    answer = await found.follow("POST", url, {"query": query})

    names = {row["id"]: row["tags"]["team"] for row in answer.body["data"]}
    assert sorted(names.values()) == ["legacy", "orders", "payments"]
    assert found.shown["id"] in names
    assert not any(key in str(answer.body) for key in keys)


async def test_a_group_lists_its_own(way: Way) -> None:
    found = resource(way, STORAGE)
    group = found.shown["id"].split("/providers/")[0]
    url = f"{way.ready['arm']}{group}/providers/{STORAGE}?api-version={VERSIONS[STORAGE]}"

    answer = await found.follow("GET", url)

    assert [each["id"] for each in answer.body["value"]] == [found.shown["id"]]
