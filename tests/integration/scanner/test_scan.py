"""A scan from the request to its end: what is stored, what is said, and what is not touched."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from msgspec import structs

from services.scanner.domain.inventory import ItemKind, Subscription
from services.scanner.domain.status import Thresholds
from shared.clouds.errors import (
    AccessDeniedError,
    Denial,
    FirewalledError,
    IdentityRefusedError,
    NotFoundError,
    ThrottledError,
    TimedOutError,
    UnavailableError,
    UnexpectedAnswerError,
    UnresolvedError,
)
from shared.errors import PermanentError
from shared.events import ScanCompleted, ScanShardRequested, VaultScanned
from shared.events.scanning import ScanMode, ScanOutcome, VaultOutcome
from tests.support.scanner import (
    DAY,
    EAST,
    NOW,
    WEST,
    Rig,
    a_credential,
    a_message,
    a_vault,
    an_item,
    stored,
)


async def test_every_field_of_every_item_is_stored(rig: Rig) -> None:
    vault = a_vault()
    full = an_item(
        "full",
        enabled=False,
        not_before=NOW - DAY,
        expires_on=NOW + DAY,
        content_type="text/plain",
        tags={"env": "prod", "ünï": "✓"},
        version="v1",
    )
    bare = an_item(
        "bare", created_on=None, updated_on=None, recovery_level=None, recoverable_days=None
    )
    certificate = an_item("tls", kind=ItemKind.CERTIFICATE, thumbprint="ab12", expires_on=NOW)
    shadow = an_item("tls", kind=ItemKind.KEY, managed=True, expires_on=NOW)
    credential = a_credential("k1", expires_on=NOW + 3 * DAY)
    rig.cloud.put(vault, full, bare, certificate, shadow)
    rig.cloud.credentials_seen = [credential]

    scan_id = await rig.scan()

    found = await rig.inventory()
    expected = [stored(item, vault) for item in (full, bare, certificate, shadow)]
    expected.append(stored(credential, None))
    assert sorted(found) == sorted((row["vault_name"], row["external_id"]) for row in expected)
    assert all(found[row["vault_name"], row["external_id"]] == row for row in expected)
    scan = await rig.scan_row(scan_id)
    assert (scan["state"], scan["outcome"], scan["error"]) == ("completed", "complete", None)
    assert (scan["vaults"], scan["vaults_done"], scan["items"], scan["added"]) == (2, 2, 5, 5)


async def test_one_event_for_each_source_and_one_for_the_scan(rig: Rig) -> None:
    rig.cloud.put(a_vault("kv-a"), *(an_item(f"s{n}") for n in range(60)))
    rig.cloud.put(a_vault("kv-b", WEST), an_item("b"))

    scan_id = await rig.scan()

    events = {event.vault_name: event for event in await rig.outbox.sent(VaultScanned)}
    assert {name: (e.items, e.added) for name, e in events.items()} == {
        "kv-a": (60, 60),
        "kv-b": (1, 1),
        "Microsoft Entra ID": (0, 0),
    }
    feed = await rig.feed()
    first, last = events["kv-a"].first_change_id, events["kv-a"].last_change_id
    assert first is not None
    assert last is not None
    assert len([entry for entry in feed if first <= entry["id"] <= last]) == 60
    [completed] = await rig.outbox.sent(ScanCompleted)
    assert (completed.scan_id, completed.outcome) == (scan_id, ScanOutcome.COMPLETE)
    assert (completed.vaults, completed.items, completed.added) == (3, 61, 61)


async def test_an_unchanged_rescan_writes_no_row_of_an_item(rig: Rig) -> None:
    rig.cloud.put(a_vault(), *(an_item(f"s{n}", expires_on=NOW + n * DAY) for n in range(50)))
    await rig.scan()
    versions = "SELECT sum(hashtext(ctid::text || xmin::text)) AS sum FROM scanner.item"
    before = await rig.row(versions)
    feed = await rig.feed()

    await rig.scan()
    assert (await rig.row(versions), await rig.feed()) == (before, feed)

    await rig.scan(mode=ScanMode.FORCE)
    assert (await rig.row(versions), await rig.feed()) == (before, feed)
    events = (await rig.outbox.sent(VaultScanned))[-2:]
    assert {(event.added, event.changed, event.removed) for event in events} == {(0, 0, 0)}


async def test_only_the_rows_that_differ_are_written(rig: Rig) -> None:
    rig.cloud.put(a_vault(), *(an_item(f"s{n}") for n in range(50)))
    await rig.scan()
    held = rig.cloud.of("kv-pay")
    held[7] = structs.replace(held[7], enabled=False)
    del held[20]
    held.append(an_item("new"))

    before = {
        row["name"]: row["xmin"]
        for row in await rig.pool.fetch("SELECT name, xmin::text FROM scanner.item")
    }
    scan_id = await rig.scan()

    after = await rig.pool.fetch("SELECT name, xmin::text FROM scanner.item")
    written = {row["name"] for row in after if before.get(row["name"]) != row["xmin"]}
    assert written == {"s7", "s20", "new"}
    entries = [e for e in await rig.feed() if e["scan_id"] == scan_id]
    assert {(e["name"], e["what"]) for e in entries} == {
        ("s7", "changed"),
        ("s20", "removed"),
        ("new", "added"),
    }
    [changed] = [e for e in entries if e["what"] == "changed"]
    assert changed["fields"] == [{"field": "enabled", "before": True, "after": False}]


async def test_a_removed_item_that_returns_keeps_its_id_and_its_history(rig: Rig) -> None:
    item = an_item("phoenix", expires_on=NOW + DAY)
    rig.cloud.put(a_vault(), item, an_item("other"))
    await rig.scan()
    seen = "SELECT id, first_seen_at, deleted_at FROM scanner.v_item WHERE name = 'phoenix'"
    first = await rig.row(seen)
    rig.cloud.of("kv-pay").remove(item)
    await rig.scan()
    gone = await rig.row(seen)
    rig.cloud.of("kv-pay").append(structs.replace(item, expires_on=NOW + 90 * DAY))
    await rig.scan()

    assert gone["deleted_at"] is not None
    assert await rig.row(seen) == first
    history = [e["what"] for e in await rig.feed() if e["name"] == "phoenix"]
    assert history == ["added", "removed", "restored"]
    assert [field["field"] for field in (await rig.feed())[-1]["fields"]] == ["expires_on"]


FAILURES: list[tuple[Exception, VaultOutcome, str]] = [
    (
        AccessDeniedError("No role.", denial=Denial.ROLE, remedy="Assign it."),
        VaultOutcome.DENIED,
        '--role "Key Vault Reader"',
    ),
    (
        AccessDeniedError("No policy.", denial=Denial.ACCESS_POLICY, remedy="Add it."),
        VaultOutcome.DENIED,
        "az keyvault set-policy",
    ),
    (
        AccessDeniedError("Says no.", denial=Denial.UNKNOWN, remedy="Assign it."),
        VaultOutcome.DENIED,
        '--assignee "discover-id"',
    ),
    (
        AccessDeniedError("Bad token.", denial=Denial.TOKEN, remedy="Check the tenant."),
        VaultOutcome.DENIED,
        "Check the tenant.",
    ),
    (IdentityRefusedError("No token.", remedy="See Entra."), VaultOutcome.DENIED, "See Entra."),
    (FirewalledError("Firewall."), VaultOutcome.FIREWALLED, "az keyvault network-rule add"),
    (ThrottledError("Slow down."), VaultOutcome.THROTTLED, "next scan"),
    (NotFoundError("Not known."), VaultOutcome.NOT_FOUND, "private DNS zone"),
    (UnresolvedError("No such name."), VaultOutcome.NOT_FOUND, "private DNS zone"),
    (TimedOutError("No answer."), VaultOutcome.TIMED_OUT, "network path"),
    (UnavailableError("Broken.", remedy="Later."), VaultOutcome.FAILED, "Later."),
    (UnexpectedAnswerError("What?"), VaultOutcome.FAILED, "next scan"),
    (KeyError("surprise"), VaultOutcome.FAILED, "log"),
]


@pytest.mark.parametrize(("failure", "outcome", "advice"), FAILURES)
async def test_an_unreadable_vault_keeps_its_items_and_says_why_while_others_are_read(
    rig: Rig, failure: Exception, outcome: VaultOutcome, advice: str
) -> None:
    rig.cloud.put(a_vault("kv-bad"), *(an_item(f"s{n}") for n in range(30)))
    rig.cloud.put(a_vault("kv-good"), an_item("good"))
    await rig.scan()
    known = await rig.inventory()
    rig.cloud.holds["kv-bad"] = failure
    rig.cloud.of("kv-good").append(an_item("better"))

    scan_id = await rig.scan()

    found = await rig.inventory()
    assert {**known, ("kv-good", "secrets/better"): found["kv-good", "secrets/better"]} == found
    row = await rig.outcome_of(scan_id, "kv-bad")
    assert (row["outcome"], row["items"]) == (outcome.value, 30)
    assert row["reason"]
    assert advice in row["remedy"]
    scan = await rig.scan_row(scan_id)
    assert (scan["outcome"], scan["unreadable"]) == ("partial", 1)
    assert "1 of 3 sources could not be read" in scan["error"]


async def test_a_vault_that_fails_on_its_second_page_loses_nothing(rig: Rig) -> None:
    rig.cloud.put(a_vault(), *(an_item(f"s{n}") for n in range(60)))
    await rig.scan()
    pages = iter(range(10))

    def fail_on_the_second(name: str) -> None:
        if name == "kv-pay" and next(pages) == 1:
            raise UnavailableError("Gone in the middle.")

    rig.cloud.before_page = fail_on_the_second
    await rig.scan()

    assert len(await rig.inventory()) == 60


async def test_a_vault_that_hangs_is_given_up_and_the_others_are_read(rig: Rig) -> None:
    rig.page_seconds = 0.05
    rig.cloud.put(a_vault("kv-good"), an_item())
    rig.cloud.put(a_vault("kv-hangs"))
    rig.cloud.hangs.add("kv-hangs")

    scan_id = await rig.scan()

    assert (await rig.outcome_of(scan_id, "kv-hangs"))["outcome"] == "timed_out"
    assert (await rig.outcome_of(scan_id, "kv-good"))["outcome"] == "ok"


async def test_what_the_database_refuses_is_that_vaults_outcome(rig: Rig) -> None:
    rig.cloud.put(a_vault("kv-odd"), an_item("odd", content_type="nul\x00"))
    rig.cloud.put(a_vault("kv-good"), an_item())

    scan_id = await rig.scan()

    row = await rig.outcome_of(scan_id, "kv-odd")
    assert row["outcome"] == "failed"
    assert "cannot be stored" in row["reason"]
    assert (await rig.outcome_of(scan_id, "kv-good"))["outcome"] == "ok"


async def test_a_vault_that_is_neither_listed_nor_answers_is_deleted_with_its_items(
    rig: Rig,
) -> None:
    vault = rig.cloud.put(a_vault(), an_item("a"), an_item("b"))
    await rig.scan()
    rig.cloud.vaults_seen.remove(vault)
    rig.cloud.holds[vault.name] = UnresolvedError("No such name.")

    scan_id = await rig.scan()

    assert await rig.inventory() == {}
    assert (await rig.outcome_of(scan_id, vault.name))["removed"] == 2
    row = await rig.row("SELECT deleted_at, items FROM scanner.v_vault WHERE kind = 'vault'")
    assert row["deleted_at"] is not None
    assert row["items"] == 0
    third = await rig.scan()
    assert (await rig.scan_row(third))["vaults"] == 1

    rig.cloud.put(vault, an_item("a"), an_item("b"))
    await rig.scan()
    assert len(await rig.inventory()) == 2


async def test_a_vault_that_is_not_listed_but_answers_is_still_there(rig: Rig) -> None:
    vault = rig.cloud.put(a_vault(), an_item("a"))
    await rig.scan()
    rig.cloud.vaults_seen.remove(vault)

    scan_id = await rig.scan()

    assert len(await rig.inventory()) == 1
    assert (await rig.outcome_of(scan_id, vault.name))["outcome"] == "ok"


async def test_a_vault_of_a_subscription_that_vanished_from_sight_is_not_deleted(rig: Rig) -> None:
    vault = rig.cloud.put(a_vault(), an_item("a"))
    await rig.scan()
    rig.cloud.subscriptions_seen = [Subscription(id=WEST, name="West")]
    rig.cloud.holds[vault.name] = NotFoundError("Nothing there.")

    scan_id = await rig.scan()

    assert len(await rig.inventory()) == 1
    assert (await rig.outcome_of(scan_id, vault.name))["outcome"] == "not_found"


async def test_a_moved_vault_takes_its_items_along(rig: Rig) -> None:
    vault = rig.cloud.put(a_vault(), an_item("a"))
    await rig.scan()
    rig.cloud.vaults_seen[0] = replace(
        vault, subscription_id=WEST, resource_id="/moved", uri=vault.uri.upper().rstrip("/")
    )

    await rig.scan()

    [item] = (await rig.inventory()).values()
    assert item["subscription_id"] == WEST


async def test_a_scan_of_one_subscription_touches_nothing_else(rig: Rig) -> None:
    rig.cloud.put(a_vault("kv-east"), an_item("e"))
    rig.cloud.put(a_vault("kv-west", WEST), an_item("w"))
    rig.cloud.credentials_seen = [a_credential("k")]

    scan_id = await rig.scan(subscription_ids=(EAST.upper(),))

    assert {vault for vault, _ in await rig.inventory()} == {"kv-east"}
    assert rig.cloud.reads == ["kv-east"]
    assert (await rig.scan_row(scan_id))["outcome"] == "complete"


async def test_a_subscription_that_cannot_be_seen_is_reported_with_its_command(rig: Rig) -> None:
    rig.cloud.put(a_vault("kv-east"), an_item("e"))

    scan_id = await rig.scan(subscription_ids=(EAST, "sub-hidden"))

    scan = await rig.scan_row(scan_id)
    assert scan["outcome"] == "partial"
    assert "sub-hidden was asked for and cannot be seen" in scan["error"]
    assert "az role assignment create" in scan["error"]


@pytest.mark.parametrize("asked", [(), ("sub-hidden",)])
async def test_a_scan_that_sees_no_subscription_says_so(rig: Rig, asked: tuple[str, ...]) -> None:
    rig.cloud.subscriptions_seen = []

    scan_id = await rig.scan(subscription_ids=asked)

    scan = await rig.scan_row(scan_id)
    assert scan["outcome"] == ("failed" if asked else "partial")
    assert "can be seen" in scan["error"] or "cannot be seen" in scan["error"]


@pytest.mark.parametrize(
    ("failure", "attempt"),
    [
        (AccessDeniedError("No role.", denial=Denial.ROLE, remedy="Assign Reader."), 0),
        (UnavailableError("Azure is down.", remedy="Wait."), 2),
    ],
)
async def test_an_estate_that_cannot_be_listed_ends_the_scan_with_the_reason(
    rig: Rig, failure: Exception, attempt: int
) -> None:
    rig.cloud.failure = failure
    scan_id = await rig.request(a_message(ScanShardRequested, attempt=attempt))

    scan = await rig.scan_row(scan_id)
    assert (scan["state"], scan["outcome"]) == ("completed", "failed")
    assert scan["error"].startswith(str(failure))
    [event] = await rig.outbox.sent(ScanCompleted)
    assert event.outcome is ScanOutcome.FAILED


async def test_an_estate_that_is_down_for_a_moment_is_asked_again(rig: Rig) -> None:
    rig.cloud.failure = UnavailableError("Azure is down.")
    scan_id = uuid4()
    with pytest.raises(UnavailableError):
        await rig.request(scan_id=scan_id)
    assert (await rig.scan_row(scan_id))["state"] == "requested"
    rig.cloud.failure = None

    await rig.scan(scan_id=scan_id)

    assert (await rig.scan_row(scan_id))["outcome"] == "complete"


async def test_a_shard_of_a_scan_that_nobody_knows_is_refused_with_a_sentence(rig: Rig) -> None:
    event = ScanShardRequested(scan_id=uuid4(), shard_id=1)

    with pytest.raises(PermanentError, match="request a new scan"):
        await rig.deliver(event, a_message(ScanShardRequested))


@pytest.mark.parametrize("shard_id", [0, 99, 2**40, 10**30])
async def test_a_shard_that_the_scan_does_not_have_is_refused_at_once(
    shard_id: int, rig: Rig
) -> None:
    rig.cloud.put(a_vault())
    scan_id = await rig.request()
    event = ScanShardRequested(scan_id=scan_id, shard_id=shard_id)

    with pytest.raises(PermanentError, match="not planned here"):
        await rig.deliver(event, a_message(ScanShardRequested))


async def test_starting_and_ending_a_scan_is_in_the_audit_log(rig: Rig, database: Any) -> None:
    scan_id = await rig.scan()

    async with database.connection() as admin:
        rows = await admin.fetch(
            """
            SELECT action, actor, subject, outcome, after FROM audit.entry
            WHERE subject = $1 ORDER BY id
            """,
            str(scan_id),
        )
    assert [tuple(row) for row in rows] == [
        ("scan:started", "ada", str(scan_id), "done", None),
        ("scan:completed", "ada", str(scan_id), "done", "complete"),
    ]


async def test_the_view_gives_each_item_the_status_that_the_domain_gives(rig: Rig) -> None:
    now = datetime.now(UTC)
    margin = timedelta(minutes=5)
    rig.cloud.put(
        a_vault(),
        an_item("disabled", enabled=False),
        an_item("not_yet_active", not_before=now + DAY, expires_on=now - DAY),
        an_item("no_expiry"),
        an_item("expired", expires_on=now - margin),
        an_item("critical", expires_on=now + 7 * DAY - margin),
        an_item("warning", expires_on=now + 7 * DAY + margin),
        an_item("healthy", expires_on=now + 30 * DAY + margin),
    )
    await rig.scan()

    rows = await rig.pool.fetch("SELECT name, status, days_left FROM scanner.v_item")
    assert all(row["name"] == row["status"] for row in rows)
    left = {row["name"]: row["days_left"] for row in rows}
    assert (left["no_expiry"], left["expired"], left["critical"], left["warning"]) == (
        None,
        -1,
        6,
        7,
    )


async def test_other_thresholds_move_the_windows_of_unchanged_items_without_a_change_entry(
    rig: Rig,
) -> None:
    rig.cloud.put(a_vault(), an_item("a", expires_on=NOW + 90 * DAY), an_item("endless"))
    await rig.scan()
    feed = await rig.feed()
    rig.thresholds = Thresholds(warning_days=60, critical_days=14)

    scan_id = await rig.scan()

    row = await rig.row("SELECT warning_at, critical_at FROM scanner.v_item WHERE name = 'a'")
    assert row == {"warning_at": NOW + 30 * DAY, "critical_at": NOW + 76 * DAY}
    assert await rig.feed() == feed
    assert (await rig.outcome_of(scan_id, "kv-pay"))["changed"] == 0


async def test_an_item_that_cannot_be_understood_leaves_its_whole_vault_unknown(rig: Rig) -> None:
    vault = rig.cloud.put(a_vault(), an_item("a"))
    other = rig.cloud.put(a_vault("kv-other"), an_item("b"))
    await rig.scan()
    rig.cloud.holds[vault.name] = [an_item("a", enabled=False), an_item("strange")]
    rig.cloud.strange.add("secrets/strange")

    scan_id = await rig.scan()

    outcome = await rig.outcome_of(scan_id, vault.name)
    assert (outcome["outcome"], outcome["items"]) == ("failed", 1)
    assert "cannot be understood" in outcome["reason"]
    assert (await rig.outcome_of(scan_id, other.name))["outcome"] == "ok"
    inventory = await rig.inventory()
    assert inventory[vault.name, "secrets/a"]["enabled"] is True
    assert (vault.name, "secrets/strange") not in inventory
