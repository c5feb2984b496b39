"""A token that ends in the middle of listings: renewed once, and nobody notices.

Sixty-four vaults are read at once. When each has given its first page the token ends: by its own
time, which we know, or by the service's word, which a 401 tells.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.scanner.adapters import open_clouds
from services.scanner.domain.inventory import VaultRef
from services.scanner.domain.listing import Page
from shared.database import Pool
from tests.support.discovery import settings_for
from tests.support.faulty import Joined
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.scanner import Rig, SentTable

VAULTS, SECRETS, PAGES = 64, 26, 2 + 1 + 1
TWO_DAYS = 2 * 86_400  # a managed identity's token holds for one
ARGUMENTS = (
    *("--profile", "large", "--vaults", str(VAULTS), "--secrets", str(SECRETS)),
    *("--keys", "0", "--certificates", "0", "--subscriptions", "1", "--regions", "1"),
)


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("tokens"), *ARGUMENTS) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(tenant: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("IDENTITY_ENDPOINT", tenant.ready["identity_endpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", tenant.ready["identity_header"])
    tenant.control.clear_log()
    yield
    tenant.control.set_clock(0)


@dataclass
class Interrupted(Joined):
    """Does something once, when so many vaults have given their first page and wait for it."""

    then: Callable[[], object]
    parties: int
    begun: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def items(self, vault: VaultRef) -> AsyncIterator[Page]:  # type: ignore[override] # a generator
        pages = self.clouds.vaults.items(vault)
        yield await anext(pages)
        self.begun += 1
        if self.begun == self.parties:
            await asyncio.to_thread(self.then)
            self.done.set()
        if self.begun <= self.parties:
            await self.done.wait()
        async for page in pages:
            yield page


@dataclass
class OurClock:
    """This machine's time, which can be moved."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


async def scan(
    tenant: Sandbox, pool: Pool, then: Callable[[], object], *, at_once: int, clock: OurClock
) -> tuple[Rig, UUID]:
    async with open_clouds(settings_for(tenant), clock=clock) as clouds:
        cloud: Any = Interrupted(clouds, then, parties=at_once)
        rig = Rig(pool=pool, cloud=cloud, outbox=SentTable(pool), at_once=at_once)
        return rig, await rig.scan()


async def assert_nothing_is_missing(rig: Rig, scan_id: UUID) -> None:
    rows = await rig.pool.fetch(
        "SELECT vault_name, outcome, items FROM scanner.v_scan_vault WHERE scan_id = $1", scan_id
    )
    vaults = {row["vault_name"]: (row["outcome"], row["items"]) for row in rows}
    directory = vaults.pop("Microsoft Entra ID")
    assert directory[0] == "ok"
    assert vaults == {f"kv-scale-{n:05d}": ("ok", SECRETS) for n in range(VAULTS)}
    assert (await rig.scan_row(scan_id))["outcome"] == "complete"


@dataclass
class Requests:
    """What the sandbox saw of the scan: for each vault the tokens in order, and the refusals."""

    tokens: dict[str, list[str]]
    refused: Counter[str]
    fetched: int

    @classmethod
    def of(cls, tenant: Sandbox) -> "Requests":
        tokens, refused, fetched = defaultdict(list), Counter[str](), 0
        for entry in tenant.control.log():
            fetched += "vault" in entry["query"] and "resource=" in entry["query"]
            if entry["host"].startswith("kv-"):
                tokens[entry["host"]].append(entry["token_id"])
                refused[entry["host"]] += entry["status"] == 401
        return cls(dict(tokens), refused, fetched)

    def assert_one_followed_the_other(self) -> None:
        """Check that two tokens were fetched, and that nobody went back to the first."""
        assert self.fetched == 2
        first, second = {each[0] for each in self.tokens.values()}, set()
        for used in self.tokens.values():
            change = next((n for n, token in enumerate(used) if token not in first), len(used))
            second |= set(used[change:])
            assert set(used[:change]) <= first
        assert len(first | second) == 2


async def test_a_token_that_ends_by_its_time_is_renewed_once_for_all_and_never_sent_again(
    tenant: Sandbox, pool: Pool
) -> None:
    clock = OurClock()

    def two_days_pass() -> None:
        tenant.control.set_clock(TWO_DAYS)
        clock.ahead = timedelta(seconds=TWO_DAYS)

    rig, scan_id = await scan(tenant, pool, two_days_pass, at_once=VAULTS, clock=clock)

    await assert_nothing_is_missing(rig, scan_id)
    seen = Requests.of(tenant)
    seen.assert_one_followed_the_other()
    assert seen.refused.total() == 0
    assert {len(used) for used in seen.tokens.values()} == {PAGES}


def revoke(tenant: Sandbox) -> None:
    tenant.control.change("identity", revoke="discover")


def move_azures_clock(tenant: Sandbox) -> None:
    """Its token ends for Azure; our clock says that it still holds."""
    tenant.control.set_clock(TWO_DAYS)


@pytest.mark.parametrize("end", [revoke, move_azures_clock])
async def test_a_token_that_is_refused_to_many_is_renewed_once_and_each_repeats_one_request(
    tenant: Sandbox, pool: Pool, end: Callable[[Sandbox], None]
) -> None:
    rig, scan_id = await scan(tenant, pool, lambda: end(tenant), at_once=VAULTS, clock=OurClock())

    await assert_nothing_is_missing(rig, scan_id)
    seen = Requests.of(tenant)
    seen.assert_one_followed_the_other()
    assert seen.refused.total() >= 1
    for vault, used in seen.tokens.items():
        assert seen.refused[vault] <= 1, vault
        assert len(used) == PAGES + seen.refused[vault], vault


@pytest.mark.parametrize("end", [revoke, move_azures_clock])
async def test_a_token_that_is_refused_to_one_is_not_sent_by_those_who_come_after(
    tenant: Sandbox, pool: Pool, end: Callable[[Sandbox], None]
) -> None:
    rig, scan_id = await scan(tenant, pool, lambda: end(tenant), at_once=1, clock=OurClock())

    await assert_nothing_is_missing(rig, scan_id)
    seen = Requests.of(tenant)
    seen.assert_one_followed_the_other()
    assert seen.refused.total() == 1
    assert sum(map(len, seen.tokens.values())) == VAULTS * PAGES + 1
