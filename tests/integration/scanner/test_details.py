"""The second pass: what is read of which item, when again, and what stops it without harm."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec import structs

from services.scanner.domain.detail import (
    CertificateAction,
    CertificatePolicy,
    KeyAction,
    KeyDetail,
    Operation,
    RotationPolicy,
)
from services.scanner.domain.inventory import ItemKind
from shared.clouds.errors import (
    AccessDeniedError,
    Denial,
    FirewalledError,
    NotFoundError,
    ThrottledError,
    TimedOutError,
    UnexpectedAnswerError,
)
from shared.errors import TransientError
from shared.events import ScanCompleted
from shared.events.scanning import ScanMode
from tests.support.details import MADE, FakeDetails, a_certificate, a_version
from tests.support.scanner import NOW, Rig, a_vault, an_item

KEY, CERTIFICATE = ItemKind.KEY, ItemKind.CERTIFICATE


@pytest.fixture
def told(rig: Rig) -> FakeDetails:
    """The data plane that the rig's second pass asks."""
    rig.details = FakeDetails()
    return rig.details


def fill(rig: Rig, secrets: int = 3) -> None:
    """A vault with some secrets, a key and a certificate with what belongs to it."""
    rig.cloud.put(
        a_vault(),
        *(an_item(f"s{n}") for n in range(secrets)),
        an_item("signing", kind=KEY),
        an_item("tls", kind=CERTIFICATE, thumbprint="11"),
        an_item("tls", kind=KEY, managed=True),
        an_item("tls", managed=True),
    )


async def details(rig: Rig) -> dict[str, dict[str, Any]]:
    rows = await rig.pool.fetch(
        """
        SELECT i.external_id, d.outcome, d.reason, d.remedy, d.read_at, d.complete_at, d.version,
               d.version_count, d.enabled_old_versions, d.facts, d.key_type, d.key_size, d.curve,
               d.hsm, d.exportable, d.rotates, d.rotates_after_days, d.renews, d.operation_status
        FROM scanner.v_item_detail d JOIN scanner.v_item i ON i.id = d.item_id
        """
    )
    return {row["external_id"]: dict(row) for row in rows}


async def passes(rig: Rig, scan_id: UUID) -> tuple[dict[str, int], int]:
    row = await rig.row("SELECT calls, details_pending FROM scanner.v_scan WHERE id = $1", scan_id)
    return row["calls"], row["details_pending"]


async def everything(rig: Rig) -> list[Any]:
    """All that the second pass has stored, but when."""
    found = [
        {k: v for k, v in row.items() if not k.endswith("_at")}
        for _, row in sorted((await details(rig)).items())
    ]
    versions = await rig.pool.fetch(
        """
        SELECT i.external_id, v.version_id, v.enabled, v.created_on, v.current
        FROM scanner.v_version v JOIN scanner.v_item i ON i.id = v.item_id ORDER BY 1, 2
        """
    )
    return [found, [dict(row) for row in versions]]


async def test_each_kind_is_asked_what_its_listing_does_not_tell(
    rig: Rig, told: FakeDetails
) -> None:
    fill(rig, secrets=1)
    told.versions_of["secrets/s0"] = [
        a_version(1),
        a_version(2, enabled=False),
        a_version(3, expires_on=NOW),
    ]
    told.keys["signing"] = KeyDetail(key_type="EC", curve="P-256", hsm=True, exportable=True)
    rotate = KeyAction(action="Rotate", trigger="after_create", duration="P3M", days=90)
    told.rotations["signing"] = RotationPolicy(set_on=MADE, actions=(rotate,))
    renew = CertificateAction(action="AutoRenew", days_before_expiry=30)
    told.certificates["tls"] = (a_certificate(), CertificatePolicy(issuer="CA", actions=(renew,)))
    told.operations["tls"] = Operation(status="inProgress")

    scan_id = await rig.scan()

    found = await details(rig)
    assert found.keys() == {"secrets/s0", "keys/signing", "certificates/tls"}
    secret, key, certificate = (found[name] for name in sorted(found, reverse=True))
    assert (secret["version"], secret["version_count"]) == (f"{3:032x}", 3)
    assert secret["enabled_old_versions"] == 1
    assert (key["key_type"], key["curve"], key["hsm"]) == ("EC", "P-256", True)
    assert (key["rotates"], key["rotates_after_days"], key["exportable"]) == (True, 90, True)
    assert (certificate["key_size"], certificate["renews"]) == (2048, True)
    assert certificate["operation_status"] == "inProgress"
    assert {row["outcome"] for row in found.values()} == {"ok"}
    assert await passes(rig, scan_id) == (
        {"versions": 3, "key": 1, "rotation_policy": 1, "certificate": 1, "pending": 1},
        0,
    )
    [event] = await rig.outbox.sent(ScanCompleted)
    assert (event.calls["versions"], event.details_pending) == (3, 0)


async def test_what_belongs_to_a_certificate_is_linked_to_it_and_asked_nothing(
    rig: Rig, told: FakeDetails
) -> None:
    fill(rig, secrets=0)

    await rig.scan()

    rows = await rig.pool.fetch("SELECT id, external_id, certificate_id FROM scanner.v_item")
    links = {row["external_id"]: row["certificate_id"] for row in rows}
    [certificate] = [row["id"] for row in rows if row["external_id"] == "certificates/tls"]
    assert links == {
        "secrets/tls": certificate,
        "keys/tls": certificate,
        "certificates/tls": None,
        "keys/signing": None,
    }
    assert ("kv-pay", "versions", "secrets/tls") not in told.asked


@pytest.mark.parametrize("mode", list(ScanMode))
async def test_an_unchanged_rescan_asks_nothing_and_writes_nothing_unless_it_is_forced(
    rig: Rig, told: FakeDetails, mode: ScanMode
) -> None:
    fill(rig)
    await rig.scan()
    count = len(told.asked)
    written = """
        SELECT (SELECT sum(hashtext(d.ctid::text || d.xmin::text)) FROM scanner.item_detail d) AS a,
               (SELECT sum(hashtext(v.ctid::text || v.xmin::text)) FROM scanner.version v) AS b
    """
    before, feed = await rig.row(written), await rig.feed()

    await rig.scan(mode=mode)

    forced = mode is ScanMode.FORCE
    assert len(told.asked) == count * (2 if forced else 1)
    assert (await rig.row(written) == before) is not forced
    assert await rig.feed() == feed


async def test_only_what_changed_is_read_again_and_the_difference_is_in_the_feed(
    rig: Rig, told: FakeDetails
) -> None:
    fill(rig)
    await rig.scan()
    told.asked.clear()
    held = rig.cloud.of("kv-pay")
    held[1] = structs.replace(held[1], updated_on=NOW)
    told.versions_of["secrets/s1"] = [a_version(1), a_version(2)]

    scan_id = await rig.scan(mode=ScanMode.DELTA)

    assert told.asked == [("kv-pay", "versions", "secrets/s1")]
    [listed, read] = [entry for entry in await rig.feed() if entry["scan_id"] == scan_id]
    assert [field["field"] for field in listed["fields"]] == ["updated_on"]
    assert read["fields"] == [
        {"field": "version", "before": f"{1:032x}", "after": f"{2:032x}"},
        {"field": "version_count", "before": 1, "after": 2},
        {"field": "enabled_old_versions", "before": 0, "after": 1},
    ]


async def test_old_details_are_read_again_by_a_full_scan_because_policies_change_unseen(
    rig: Rig, told: FakeDetails
) -> None:
    fill(rig, secrets=0)
    await rig.scan()
    await rig.pool.execute(
        """
        UPDATE scanner.item_detail
           SET read_at = read_at - interval '8 days', complete_at = read_at - interval '8 days'
        """
    )
    await rig.pool.execute(
        "UPDATE scanner.vault SET details_since = details_since - interval '8 days'"
    )
    told.asked.clear()
    told.operations["tls"] = Operation(status="failed", error_code="CA refused")

    await rig.scan(mode=ScanMode.DELTA)
    assert told.asked == []
    await rig.scan()

    assert len(told.asked) == 6
    [entry] = [entry for entry in await rig.feed() if entry["what"] == "changed"]
    changes = {field["field"]: field["after"] for field in entry["fields"]}
    assert changes["operation.status"] == "failed"
    assert changes["operation.error_code"] == "CA refused"


async def test_an_operation_that_was_under_way_is_looked_at_again_every_day(
    rig: Rig, told: FakeDetails
) -> None:
    fill(rig, secrets=2)
    told.operations["tls"] = Operation(status="inProgress")
    await rig.scan()
    told.asked.clear()
    await rig.scan()
    assert told.asked == []
    await rig.pool.execute(
        """
        UPDATE scanner.item_detail
           SET read_at = read_at - interval '25 hours', complete_at = read_at - interval '25 hours'
        """
    )

    await rig.scan()

    assert {name for _, _, name in told.asked} == {"tls", "certificates/tls"}


async def test_a_scan_that_dies_goes_on_after_its_last_written_batch_and_ends_equal(
    rig: Rig, told: FakeDetails
) -> None:
    fill(rig, secrets=12)
    rig.detail_batch = 3
    total = 12 + 3 + 3
    crashes = 0
    scan_id = await rig.request()
    await rig.list_all(scan_id)
    deliveries = await rig.due_details(scan_id)
    for hold_at in range(4, total, 4):
        told.hold_at, told.held = hold_at, asyncio.Event()
        for due, message in deliveries:
            running = asyncio.create_task(rig.deliver_details(due, message))
            waiting = asyncio.create_task(told.held.wait())
            await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            crashes += not running.done()
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
    told.hold_at = None
    for due, message in deliveries:
        await rig.deliver_details(due, message)
    after = await everything(rig)

    assert crashes == 4
    assert total <= len(told.asked) <= total + crashes * 8
    assert (await rig.scan_row(scan_id))["outcome"] == "complete"
    assert len(await details(rig)) == 14
    await rig.scan(mode=ScanMode.FORCE)
    assert await everything(rig) == after


async def test_an_allowance_that_is_used_up_leaves_a_number_and_the_next_scan_reads_the_rest(
    rig: Rig, told: FakeDetails
) -> None:
    fill(rig, secrets=10)
    rig.detail_calls = 7

    first = await rig.scan()
    assert len(told.asked) == 7
    assert (await passes(rig, first))[1] == 5
    assert (await rig.outbox.sent(ScanCompleted))[0].details_pending == 5
    rig.detail_calls = 20_000
    second = await rig.scan(mode=ScanMode.DELTA)

    assert (await passes(rig, second))[1] == 0
    assert len(told.asked) == len(set(told.asked)) == 16


async def test_a_redelivered_request_does_not_get_its_allowance_again(
    rig: Rig, told: FakeDetails
) -> None:
    fill(rig, secrets=10)
    rig.detail_calls, rig.detail_batch = 7, 1
    scan_id = await rig.request()
    await rig.list_all(scan_id)
    told.hold_at = 4
    for due, message in await rig.due_details(scan_id):
        running = asyncio.create_task(rig.deliver_details(due, message))
        waiting = asyncio.create_task(told.held.wait())
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    told.hold_at = None
    for due, message in await rig.due_details(scan_id):
        await rig.deliver_details(due, message)

    assert len(told.asked) == 7


async def test_a_vault_that_lets_list_only_has_denied_details_and_its_items_stay(
    rig: Rig, told: FakeDetails
) -> None:
    rig.cloud.put(
        a_vault(rbac=False),
        an_item("s"),
        *(an_item(f"k{n}", kind=KEY) for n in range(3)),
        *(an_item(f"c{n}", kind=CERTIFICATE) for n in range(3)),
    )
    told.refuse = list_only

    await rig.scan()

    found = await details(rig)
    assert len(await rig.inventory()) == 7
    assert found["secrets/s"]["outcome"] == "ok"
    for name in ("k0", "k2"):
        row = found[f"keys/{name}"]
        assert (row["outcome"], row["version_count"], row["facts"]) == ("denied", 1, {})
        assert "--key-permissions list get getrotationpolicy" in row["remedy"]
    asked = [question for _, question, _ in told.asked]
    assert [asked.count(q) for q in ("key", "rotation_policy", "certificate", "pending")] == [1] * 4
    told.asked.clear()
    await rig.scan()
    assert told.asked == []
    told.refuse = lambda *_: None
    await rig.scan(mode=ScanMode.FORCE)
    assert {row["outcome"] for row in (await details(rig)).values()} == {"ok"}


def list_only(vault: str, question: str, name: str) -> None:
    del vault, name
    if question != "versions":
        raise AccessDeniedError("No get.", denial=Denial.ACCESS_POLICY, remedy="Grant it.")


async def test_what_is_known_outlives_every_failure_to_read_it_again(
    rig: Rig, told: FakeDetails
) -> None:
    fill(rig)
    await rig.scan()
    before = await everything(rig)
    told.refuse = refuser(lambda *_: True, AccessDeniedError("No.", denial=Denial.ROLE, remedy=""))

    await rig.scan(mode=ScanMode.FORCE)

    after = await everything(rig)
    assert after[1] == before[1]
    assert [row["facts"] for row in after[0]] == [row["facts"] for row in before[0]]
    assert {row["outcome"] for row in after[0]} == {"denied"}
    assert (await rig.scan_row(await rig.scan()))["outcome"] == "complete"


def refuser(
    wanted: Callable[[str, str, str], bool], error: Exception
) -> Callable[[str, str, str], None]:
    def refuse(vault: str, question: str, name: str) -> None:
        if wanted(vault, question, name):
            raise error

    return refuse


@pytest.mark.parametrize(
    ("error", "outcome", "again"),
    [
        (UnexpectedAnswerError("What?"), "failed", False),
        (KeyError("surprise"), "failed", False),
        (NotFoundError("Gone."), "not_found", False),
        (ThrottledError("Slow down."), "throttled", True),
        (TimedOutError("Late."), "timed_out", True),
        (FirewalledError("No."), "firewalled", True),
    ],
)
async def test_a_failure_is_the_outcome_of_that_items_details_only(
    rig: Rig, told: FakeDetails, error: Exception, outcome: str, again: bool
) -> None:
    fill(rig)
    told.refuse = refuser(lambda _v, _q, name: name == "signing", error)

    scan_id = await rig.scan()

    found = await details(rig)
    assert found["keys/signing"]["outcome"] == outcome
    assert found["keys/signing"]["reason"]
    assert (await rig.scan_row(scan_id))["outcome"] == "complete"
    assert (await rig.outcome_of(scan_id, "kv-pay"))["outcome"] == "ok"
    told.asked.clear()
    told.refuse = lambda *_: None
    await rig.scan(mode=ScanMode.DELTA)
    assert any(name == "signing" for _, _, name in told.asked) is again
    rest = {name: row["outcome"] for name, row in (await details(rig)).items()}
    assert set(rest.values()) == ({"ok"} if again else {"ok", outcome})
    assert len(rest) == 5


async def test_a_vault_that_fails_again_and_again_is_left_for_the_next_scan(
    rig: Rig, told: FakeDetails
) -> None:
    fill(rig, secrets=20)
    rig.cloud.put(a_vault("kv-good"), an_item("g"))
    told.refuse = refuser(lambda vault, _q, _n: vault == "kv-pay", TimedOutError("Late."))

    scan_id = await rig.scan()

    assert len([one for one in told.asked if one[0] == "kv-pay"]) == 3
    assert (await passes(rig, scan_id))[1] == 19
    assert ("kv-good", "versions", "secrets/g") in told.asked


async def test_details_that_cannot_be_stored_are_the_outcome_of_their_item(
    rig: Rig, told: FakeDetails
) -> None:
    fill(rig)
    told.keys["signing"] = KeyDetail(key_type="nul\x00")

    await rig.scan()

    found = await details(rig)
    assert found["keys/signing"]["outcome"] == "failed"
    assert "cannot be stored" in found["keys/signing"]["reason"]
    assert {row["outcome"] for name, row in found.items() if name != "keys/signing"} == {"ok"}


async def test_the_second_pass_can_be_switched_off(rig: Rig, told: FakeDetails) -> None:
    fill(rig)
    rig.detail_calls = 0

    scan_id = await rig.scan()

    assert told.asked == []
    assert await details(rig) == {}
    assert (await rig.scan_row(scan_id))["outcome"] == "complete"


async def test_a_changed_item_is_read_again_although_its_vault_was_passed_over_before(
    rig: Rig, told: FakeDetails
) -> None:
    fill(rig)
    await rig.scan()
    await rig.scan()
    rig.cloud.of("kv-pay").append(an_item("new", updated_on=NOW + timedelta(days=1)))
    told.asked.clear()

    await rig.scan()

    assert told.asked == [("kv-pay", "versions", "secrets/new")]


async def test_a_budget_that_cannot_be_asked_ends_the_pass_and_marks_no_item(
    rig: Rig, told: FakeDetails
) -> None:
    """The database is away: nothing is known against an item, and the message comes again."""
    fill(rig, secrets=1)

    def refuse(*_: str) -> None:
        raise TransientError("No database connection.")

    told.refuse = refuse
    scan_id = await rig.request()
    await rig.list_all(scan_id)
    [due] = await rig.due_details(scan_id)
    with pytest.raises(TransientError):
        await rig.deliver_details(*due)
    assert await details(rig) == {}

    told.refuse = lambda *_: None
    await rig.deliver_details(*due)

    assert {row["outcome"] for row in (await details(rig)).values()} == {"ok"}
