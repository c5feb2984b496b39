"""Every fault in the middle of a scan: the right outcome per vault, nothing lost, nothing twice.

Through the real adapters over TLS, on the real database; the fault meets the second page of one
vault's secrets, when its first page has been read.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from services.scanner.domain import budget
from shared.clouds import session
from shared.database import Pool
from tests.support.clouds import note_waits
from tests.support.faulty import ARGUMENTS, KEYS, PAGES, SECRETS, SICK, Ward, a_ward
from tests.support.sandbox import Sandbox, running_sandbox

YEAR = 365 * 86_400


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("ward"), *ARGUMENTS) as running:
        yield running


@pytest.fixture(autouse=True)
def healthy(tenant: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lead azure-identity to the sandbox, and mend afterwards what a test broke."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", tenant.ready["identity_endpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", tenant.ready["identity_header"])
    yield
    control = tenant.control
    control.clear_faults()
    control.set_clock(0)
    control.clear_counters()
    control.limit(vault=4_000, subscription=20_000, seconds=10)
    control.change("vaults", vault=SICK, deleted=False, denied=False, firewall="open")
    control.change("identity", token_seconds=None)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between retries, noted instead of sat out; the budget's own pauses stay."""
    return note_waits(monkeypatch)


@pytest.fixture
async def ward(tenant: Sandbox, pool: Pool) -> AsyncIterator[Ward]:
    async with a_ward(tenant, pool) as ward:
        yield ward


def in_seconds(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    "headers",
    [{"Retry-After": "1"}, {"Retry-After": in_seconds(0)}, {}, {"retry-after-ms": "300"}],
    ids=["seconds", "date", "absent", "milliseconds"],
)
async def test_a_short_storm_of_429_is_sat_out(
    ward: Ward, waits: list[float], headers: dict[str, str]
) -> None:
    scan_id = await ward.scan(status=429, headers=headers, count=2)

    await ward.read(scan_id)
    assert ward.calls()[SICK] == PAGES + len(waits) == PAGES + 2
    assert await rate(ward) == budget.DEFAULT_RATE


async def rate(ward: Ward) -> float:
    """The requests a second that the region's budget grants now."""
    found: float = await ward.rig.pool.fetchval("SELECT min(rate) FROM scanner.budget")
    return found


async def test_a_storm_of_429_over_several_vaults_slows_their_region(
    ward: Ward, waits: list[float]
) -> None:
    slow = {"path": "^/keys$", "status": 429, "count": 1}
    with ExitStack() as faults:
        for name in ("kv-scale-00001", SICK):
            faults.enter_context(ward.sandbox.control.fault(host=f"^{name}[.]", **slow))
        scan_id = await ward.scan()

    outcomes = await ward.outcomes(scan_id)
    assert {row["outcome"] for row in outcomes.values()} == {"ok"}
    assert len(waits) == 2
    assert await rate(ward) < budget.DEFAULT_RATE


@pytest.mark.parametrize(
    "headers",
    [{"Retry-After": "1"}, {}, {"Retry-After": in_seconds(0)}],
    ids=["seconds", "absent", "date"],
)
async def test_a_vault_that_is_throttled_for_ever_is_given_up(
    ward: Ward, waits: list[float], headers: dict[str, str]
) -> None:
    scan_id = await ward.scan(status=429, headers=headers)

    found = await ward.unread(scan_id, "throttled")

    assert "asked to slow down" in found["reason"]
    assert ward.calls()[SICK] == 1 + 1 + len(waits) == 1 + 5


@pytest.mark.parametrize(
    "after", ["600", "86400000", in_seconds(7200)], ids=["minutes", "years", "date"]
)
async def test_a_huge_wait_ends_the_vault_with_the_time_to_come_back(
    ward: Ward, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    monkeypatch.setattr(budget, "LONGEST_PAUSE_SECONDS", 0.5)

    scan_id = await ward.scan(status=429, headers={"Retry-After": after})

    found = await ward.unread(scan_id, "throttled")
    assert "not to come back before 20" in found["reason"]
    assert ward.calls()[SICK] == 2


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"status": 500}, "failed"),
        ({"status": 503}, "failed"),
        ({"status": 503, "headers": {"Retry-After": "1"}}, "failed"),
        ({"reset": True}, "failed"),
        ({"hang": True}, "timed_out"),
        ({"trickle_seconds": 0.5}, "timed_out"),
        ({"status": 500, "after": True}, "failed"),
        ({"status": 401}, "denied"),
        ({"status": 404, "code": "SecretNotFound"}, "not_found"),
        ({"spoil": "not-json"}, "failed"),
        ({"spoil": "wrong-types"}, "failed"),
        ({"spoil": "truncated"}, "failed"),
        ({"spoil": "short-length"}, "failed"),
    ],
    ids=str,
)
async def test_a_page_that_never_comes_leaves_the_vault_as_it_is_known(
    ward: Ward, fault: dict[str, Any], outcome: str
) -> None:
    await ward.unread(await ward.scan(**fault), outcome)


@pytest.mark.parametrize(
    ("fault", "extra"),
    [
        ({"status": 500}, 1),
        ({"status": 503}, 1),
        ({"reset": True}, 1),
        ({"reset": True, "after": True}, 1),
        ({"hang": True}, 1),
        ({"spoil": "truncated"}, 1),
        ({"latency_seconds": 0.5}, 0),
        ({"trickle_seconds": 0.0001}, 0),
        ({"spoil": "repeated"}, 0),
    ],
    ids=str,
)
async def test_what_passes_by_itself_costs_its_repetition_and_nothing_else(
    ward: Ward, fault: dict[str, Any], extra: int
) -> None:
    scan_id = await ward.scan(**fault, count=1)

    await ward.read(scan_id)
    assert ward.calls()[SICK] == PAGES + extra


@pytest.mark.parametrize("status", [404, 500])
async def test_a_last_page_that_is_lost_is_not_the_end_of_the_list(ward: Ward, status: int) -> None:
    """The third page of the secrets; the two before it were read."""
    with ward.sandbox.control.fault(
        host=ward.host, path="^/secrets$", query="skiptoken", count=1, latency_seconds=0.001
    ):
        scan_id = await ward.scan(status=status)

    await ward.unread(scan_id, "not_found" if status == 404 else "failed")


async def test_a_lost_way_to_the_last_page_removes_nothing(ward: Ward) -> None:
    """The list then looks complete; because known items are missing, it is read once more."""
    scan_id = await ward.scan(spoil="lost-link", count=1)

    await ward.read(scan_id)
    assert ward.calls()[SICK] == PAGES - 1 + PAGES


@pytest.mark.parametrize(
    ("change", "outcome", "says"),
    [
        ({"deleted": True}, "not_found", "Nothing answers at its address"),
        ({"denied": True}, "denied", "az role assignment create"),
        ({"firewall": "selected-networks"}, "firewalled", "az keyvault network-rule add"),
        ({"firewall": "private-only"}, "firewalled", "private endpoint"),
    ],
    ids=["deleted", "forbidden", "firewalled", "private"],
)
async def test_a_vault_that_closes_in_the_middle_says_why_and_how_to_open_it(
    ward: Ward, change: dict[str, Any], outcome: str, says: str
) -> None:
    scan_id = await ward.scan(first={"vaults": [{"vault": SICK, **change}]}, latency_seconds=0.001)

    found = await ward.unread(scan_id, outcome)
    assert says in found["remedy"]


async def test_a_vault_that_was_deleted_is_removed_by_the_scan_after(ward: Ward) -> None:
    await ward.scan(first={"vaults": [{"vault": SICK, "deleted": True}]}, latency_seconds=0.001)

    scan_id = await ward.scan()

    await ward.all_well(scan_id)
    found = (await ward.outcomes(scan_id))[SICK]
    assert (found["outcome"], found["removed"]) == ("ok", SECRETS + KEYS)
    assert (await ward.live())[SICK] == 0


async def test_an_outcome_that_changes_back_is_read_again(ward: Ward) -> None:
    await ward.unread(await ward.scan(spoil="not-json"), "failed")

    scan_id = await ward.scan()

    await ward.read(scan_id)


async def test_a_token_that_is_revoked_in_the_middle_is_replaced(ward: Ward) -> None:
    """Whoever holds the old one repeats a request, so the calls are not exact here."""
    scan_id = await ward.scan(
        first={"identity": {"revoke": "discover"}}, latency_seconds=0.001, count=1
    )

    outcomes = await ward.outcomes(scan_id)
    assert {row["outcome"] for row in outcomes.values()} == {"ok"}
    assert sum((await ward.live()).values()) >= 5 * (SECRETS + KEYS)
    repeated = [e for e in ward.sandbox.control.log() if e["status"] == 401]
    # Five vaults and the directory, each with at most one request under way.
    assert 1 <= len(repeated) <= 6


async def test_tokens_that_end_in_the_middle_are_renewed(tenant: Sandbox, pool: Pool) -> None:
    tenant.control.change("identity", token_seconds=2)
    async with a_ward(tenant, pool) as ward:
        scan_id = await ward.scan(latency_seconds=2.5, count=1, hang=False)

        await ward.read(scan_id)


class Lost(session.LoopbackResolver):
    """Knows every name but one, from the moment it is told to forget it."""

    forgotten = ""

    async def resolve(self, host: str, *rest: Any, **more: Any) -> Any:
        if self.forgotten and host.startswith(self.forgotten):
            raise OSError(f"{host}: name or service not known")
        return await super().resolve(host, *rest, **more)


async def test_a_vault_whose_name_is_lost_keeps_its_items(tenant: Sandbox, pool: Pool) -> None:
    """The connection is torn down on the second page, and then there is no way back."""
    resolver = Lost()
    async with a_ward(tenant, pool, resolver=resolver) as ward:
        resolver.forgotten = SICK

        scan_id = await ward.scan(reset=True)

        found = await ward.unread(scan_id, "not_found")
        assert "could not be resolved" in found["reason"]


async def test_a_list_that_changes_under_the_cursor_is_counted_as_it_was_seen(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came before the cursor is seen next time; nothing that stayed is lost or doubled."""
    secret = {"vault": SICK, "kind": "secret"}
    added = [{**secret, "name": name} for name in ("aaa-early", "secret-zz-late")]
    gone = [{**secret, "name": f"secret-0000{n}", "delete": True} for n in ("03", "59")]
    with running_sandbox(tmp_path, *ARGUMENTS) as own:
        monkeypatch.setenv("IDENTITY_ENDPOINT", own.ready["identity_endpoint"])
        monkeypatch.setenv("IDENTITY_HEADER", own.ready["identity_header"])
        async with a_ward(own, pool) as ward:
            change = {"items": [*added, *gone]}
            scan_id = await ward.scan(first=change, latency_seconds=0.001, count=1)
            await ward.all_well(scan_id)
            found = (await ward.outcomes(scan_id))[SICK]
            # Seen: the late one new, the late one gone. Not seen: the early ones.
            assert (found["outcome"], found["added"], found["removed"]) == ("ok", 1, 1)

            scan_id = await ward.scan()
            found = (await ward.outcomes(scan_id))[SICK]
            assert (found["added"], found["removed"]) == (1, 1)
            live = {name for vault, name in await ward.rig.inventory() if vault == SICK}
    assert {"secrets/aaa-early", "secrets/secret-zz-late"} < live
    assert not {"secrets/secret-000003", "secrets/secret-000059"} & live


@pytest.mark.parametrize("offset", [3_600, -3_600, 10 * YEAR], ids=["+1h", "-1h", "+10y"])
async def test_azures_clock_may_jump_in_the_middle(ward: Ward, offset: int) -> None:
    """Tokens seem to have ended, or not to have begun; the inventory's times are our own."""
    scan_id = await ward.scan(
        first={"clock": {"offset_seconds": offset}}, latency_seconds=0.001, count=1
    )

    outcomes = await ward.outcomes(scan_id)
    assert {row["outcome"] for row in outcomes.values()} == {"ok"}
    assert (await ward.live())[SICK] == SECRETS + KEYS
    assert (await ward.rig.scan_row(scan_id))["removed"] == 0


@pytest.mark.parametrize("offset", [3_600, -3_600, 10 * YEAR], ids=["+1h", "-1h", "+10y"])
async def test_this_machines_clock_may_be_wrong(tenant: Sandbox, pool: Pool, offset: int) -> None:
    def clock() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=offset)

    async with a_ward(tenant, pool, clock=clock) as ward:
        issued = ward.sandbox.control.change("identity")["issued"]

        scan_id = await ward.scan(latency_seconds=0.001, count=1)

        await ward.read(scan_id)
        assert ward.sandbox.control.change("identity")["issued"] - issued <= 3


async def test_the_quota_of_a_subscription_is_felt_and_sat_out(ward: Ward) -> None:
    """The sandbox's own quota, which names no wait; half of what the scan needs fits at once."""
    ward.sandbox.control.clear_counters()
    ward.sandbox.control.limit(subscription=15, seconds=2)

    scan_id = await ward.scan()

    outcomes = await ward.outcomes(scan_id)
    assert {row["outcome"] for row in outcomes.values()} == {"ok"}
    assert {entry["status"] for entry in ward.sandbox.control.log()} >= {200, 429}
