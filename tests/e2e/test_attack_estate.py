"""Lies of a cloud: whatever it lists, the scan ends, and one strange thing spoils no other look."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.scanner.domain.inventory import Item, Subscription
from tests.support.database import Database
from tests.support.lying import scanned
from tests.support.memory_clouds import MemoryClouds
from tests.support.scanner import EAST, a_vault, an_item

GOOD, STRANGE = "kv-good", "kv-strange"
NOISE = random.Random(7).randbytes(9000)  # noqa: S311 - it only must not be compressible
BEGINNING = datetime(1, 1, 1, 0, 0, 1, tzinfo=UTC)


def an_estate(*strange: Item, **more: Any) -> MemoryClouds:
    """Two vaults of one shard, one of them with strange items."""
    given = {
        "listed": [Subscription(id=EAST, name="East")],
        "refs": [a_vault(GOOD), a_vault(STRANGE)],
        "held": {GOOD: [an_item()], STRANGE: [an_item("plain"), *strange]},
        **more,
    }
    return MemoryClouds(**given)


@pytest.mark.parametrize("days", [0, 5, 40, 200])
async def test_an_expiry_at_the_calendars_beginning_is_an_expired_item(
    days: int, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = an_item("no-date", expires_on=BEGINNING + timedelta(days=days))

    found = await scanned(database, tmp_path, an_estate(strange), monkeypatch)

    assert found.scan["outcome"] == "complete"
    assert {item["name"]: item["status"] for item in found.items}["no-date"] == "expired"


@pytest.mark.parametrize(
    "strange",
    [
        {"recoverable_days": 2**40},
        {"recoverable_days": 2**70},
        {"content_type": "a\0b"},
        {"tags": {"a": "\0"}},
        {"tags": {"\ud800": "x"}},
        {"external_id": f"secrets/{NOISE.hex()}"},
    ],
    ids=["wide number", "wider number", "nul", "nul in a tag", "half a character", "endless id"],
)
async def test_what_cannot_be_stored_is_that_vaults_outcome_and_no_other_vaults(
    strange: dict[str, Any],
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clouds = an_estate(an_item("strange", **strange))

    found = await scanned(database, tmp_path, clouds, monkeypatch)

    assert found.dead == []
    assert found.scan["outcome"] == "partial"
    assert found.sources[GOOD]["outcome"] == "ok"
    assert found.sources[STRANGE]["outcome"] == "failed"
    assert "cannot be stored" in found.sources[STRANGE]["reason"]


async def test_a_vault_and_a_subscription_that_are_listed_twice_count_once(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clouds = an_estate()
    clouds.listed.append(Subscription(id=EAST, name="East again"))
    clouds.refs.append(a_vault(GOOD, uri=f"https://{GOOD.upper()}.vault.example", region="north"))
    clouds.refs.append(a_vault(STRANGE, resource_group="moved"))

    found = await scanned(database, tmp_path, clouds, monkeypatch)

    assert found.scan["outcome"] == "complete"
    assert {name: source["items"] for name, source in found.sources.items()} == {
        GOOD: 1,
        STRANGE: 1,
        "Microsoft Entra ID": 0,
    }


async def test_names_in_every_script_and_with_control_characters_are_kept_as_they_are(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["ключ-Ж", "🔐" * 40, "\u202edrowssap", "a\r\nb", "'; DROP TABLE item; --", "\x01\x1f"]
    items = [an_item(name, tags={name: name}) for name in names]

    found = await scanned(database, tmp_path, an_estate(*items), monkeypatch)

    assert found.scan["outcome"] == "complete"
    tags = {item["name"]: item["tags"] for item in found.items}
    assert all(tags[name] == {name: name} for name in names)
