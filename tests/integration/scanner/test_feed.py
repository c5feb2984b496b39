"""The change feed against a model: what it tells leads from nothing to what is there."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.scanner.domain.changes import attributes
from services.scanner.domain.inventory import Item
from services.scanner.steps import visit
from services.scanner.steps.gather import gather
from services.scanner.store import staging
from tests.support.scanner import DAY, NOW, Rig, a_vault, an_item

items = st.builds(
    an_item,
    st.sampled_from("abcde"),
    enabled=st.booleans(),
    expires_on=st.none() | st.sampled_from([NOW, NOW + DAY, NOW + 40 * DAY]),
    tags=st.dictionaries(st.sampled_from("xy"), st.text("ab", max_size=1), max_size=2),
    version=st.none() | st.sampled_from(["1", "2"]),
)
listings = st.lists(items, unique_by=lambda item: item.name, max_size=5)


def told(feed: list[dict[str, Any]]) -> dict[str, dict[str, Any] | None]:
    """What a reader of the feed knows: the fields told of each item, None for a removed one."""
    known: dict[str, dict[str, Any]] = {}
    live: dict[str, bool] = {}
    for entry in feed:
        name = entry["name"]
        assert (entry["what"] == "added") == (name not in live)
        assert (entry["what"] == "restored") == (live.get(name) is False)
        live[name] = entry["what"] != "removed"
        for field in entry["fields"]:
            known.setdefault(name, {})[field["field"]] = field["after"]
    return {name: known.get(name, {}) if there else None for name, there in live.items()}


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=st.lists(listings, min_size=1, max_size=5), staged=st.booleans())
async def test_the_feed_tells_exactly_what_happened(
    rig: Rig, history: list[list[Item]], staged: bool
) -> None:
    await forget(rig)
    vault = a_vault()
    rig.cloud.vaults_seen = [vault]
    before: dict[str, Item] = {}
    ever: dict[str, Item] = {}
    with pytest.MonkeyPatch.context() as patch:
        if staged:
            patch.setattr(visit, "gather", stage_early)
            patch.setattr(staging, "CHUNK", 2)
        for listing in history:
            rig.cloud.holds[vault.name] = listing
            scan_id = await rig.scan(subscription_ids=(vault.subscription_id,))
            now = {item.name: item for item in listing}
            entries = {e["name"]: e for e in await rig.feed() if e["scan_id"] == scan_id}
            check(before, now, ever, entries)
            before = now
            ever |= now
    assert {name for name, known in told(await rig.feed()).items() if known is not None} == set(
        before
    )
    assert await rig.pool.fetchval("SELECT count(*) FROM scanner.staged") == 0


def check(
    before: dict[str, Item],
    now: dict[str, Item],
    ever: dict[str, Item],
    entries: dict[str, dict[str, Any]],
) -> None:
    """Compare one scan's entries with the model."""
    expected = {name: "removed" for name in before if name not in now}
    for name, item in now.items():
        if name not in ever:
            expected[name] = "added"
        elif name not in before:
            expected[name] = "restored"
        elif before[name] != item:
            expected[name] = "changed"
    assert {name: entry["what"] for name, entry in entries.items()} == expected
    for name, what in expected.items():
        if what in {"changed", "restored"}:
            old, new = attributes(ever[name]), attributes(now[name])
            assert entries[name]["fields"] == [
                {"field": field, "before": old[field], "after": new[field]}
                for field in new
                if new[field] != old[field]
            ]
        else:
            assert entries[name]["fields"] == []


async def stage_early(*arguments: Any, **named: Any) -> Any:
    return await gather(*arguments, **named, stage_at=1)


async def forget(rig: Rig) -> None:
    for table in (
        "announcement",
        "change",
        "scan_vault",
        "shard",
        "scan",
        "credential",
        "application_change",
        "application",
        "item",
        "vault",
    ):
        await rig.pool.execute(f"DELETE FROM scanner.{table}")  # noqa: S608 - names from above
    await rig.pool.execute("DELETE FROM scanner.test_sent")


async def test_a_vault_too_large_for_memory_is_staged_and_ends_as_any_other(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visit, "gather", stage_early)
    monkeypatch.setattr(staging, "CHUNK", 10)
    rig.cloud.page_size = 7
    held = [an_item(f"s{n:03}", tags={"n": str(n)}, expires_on=NOW + n * DAY) for n in range(60)]
    vault = rig.cloud.put(a_vault(), *held, replace(held[0], enabled=False))

    scan_id = await rig.scan()

    assert len(await rig.inventory()) == 60
    assert (await rig.inventory())[vault.name, "secrets/s000"]["enabled"] is False
    assert (await rig.inventory())[vault.name, "secrets/s059"]["expires_on"] == NOW + 59 * DAY
    assert (await rig.outcome_of(scan_id, vault.name))["added"] == 60
    rig.cloud.holds[vault.name] = held[1:]
    again = await rig.scan()
    row = await rig.outcome_of(again, vault.name)
    assert (row["items"], row["added"], row["changed"], row["removed"]) == (59, 0, 0, 1)
