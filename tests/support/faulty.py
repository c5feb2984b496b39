"""A tenant of a few vaults in one region, the real adapters on it, and the scanner's own tables.

Each test spoils one vault in the middle of a scan and asks what all of them came to.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from aiohttp.abc import AbstractResolver

from services.scanner.adapters import Clouds, open_clouds
from services.scanner.domain.inventory import Subscription, VaultRef
from services.scanner.domain.listing import Page
from services.scanner.steps.pace import Pacing
from services.scanner.store.budget import SharedLedger
from shared.clock import Clock, utc_now
from shared.clouds import Timeouts
from shared.database import Pool
from shared.events import VaultScanned
from tests.support.discovery import settings_for
from tests.support.sandbox import Sandbox
from tests.support.scanner import Rig, SentTable

VAULTS, SECRETS, KEYS = 5, 60, 30
SICK = "kv-scale-00002"
PAGES = 3 + 2 + 1
ARGUMENTS = (
    *("--profile", "large", "--vaults", str(VAULTS), "--secrets", str(SECRETS)),
    *("--keys", str(KEYS), "--certificates", "0", "--subscriptions", "1", "--regions", "1"),
)
IMPATIENT = Timeouts(connect=5.0, read=1.0, total=8.0)


@dataclass
class Joined:
    """The real adapters as one object, as the rig wants them."""

    clouds: Clouds

    async def subscriptions(self) -> list[Subscription]:
        return await self.clouds.estate.subscriptions()

    async def vaults(self, subscription_ids: Sequence[str]) -> list[VaultRef]:
        return await self.clouds.estate.vaults(subscription_ids)

    def items(self, vault: VaultRef) -> AsyncIterator[Page]:
        return self.clouds.vaults.items(vault)

    def listing(self) -> AsyncIterator[Page]:
        return self.clouds.directory.listing()


@dataclass
class Ward:
    """A scanner and its tenant; `sick` is the vault that a test does something to."""

    sandbox: Sandbox
    rig: Rig
    sick: str = SICK

    @property
    def host(self) -> str:
        return f"^{self.sick}[.]"

    async def scan(self, **fault: Any) -> UUID:
        """Scan while this fault stands; its requests are those for the sick vault's second page.

        Without a fault the scan is undisturbed. The log tells of this scan only.
        """
        control = self.sandbox.control
        control.clear_log()
        if not fault:
            return await self.rig.scan()
        rule = {"host": self.host, "path": "^/secrets$", "query": "skiptoken", **fault}
        with control.fault(**rule):
            return await self.rig.scan()

    async def outcomes(self, scan_id: UUID) -> dict[str, dict[str, Any]]:
        rows = await self.rig.pool.fetch(
            """
            SELECT vault_name, outcome, reason, remedy, items, added, changed, removed
            FROM scanner.v_scan_vault WHERE scan_id = $1
            """,
            scan_id,
        )
        return {row["vault_name"]: dict(row) for row in rows}

    def calls(self) -> Counter[str]:
        """The answered and unanswered requests to each vault since the scan began."""
        hosts = (entry["host"].partition(".")[0] for entry in self.sandbox.control.log())
        return Counter(host for host in hosts if host.startswith("kv-"))

    async def live(self) -> Counter[str]:
        return Counter(vault for vault, _ in await self.rig.inventory())

    async def all_well(self, scan_id: UUID, *, but: str | None = SICK) -> None:
        """Check every other vault and what was counted.

        Each is read with exactly the calls it needs, has one event, and lost nothing; the sums of
        the scan are the sums of its vaults and of the change feed.
        """
        outcomes, calls = await self.outcomes(scan_id), self.calls()
        others = {name for name in outcomes if name.startswith("kv-") and name != but}
        assert len(others) == VAULTS - (but is not None)
        for name in others:
            assert outcomes[name]["outcome"] == "ok", outcomes[name]
            assert calls[name] == PAGES, name
        told = [e for e in await self.rig.outbox.sent(VaultScanned) if e.scan_id == scan_id]
        assert Counter(e.vault_name for e in told) == Counter(dict.fromkeys(outcomes, 1))
        scan = await self.rig.scan_row(scan_id)
        feed = Counter(e["what"] for e in await self.rig.feed() if e["scan_id"] == scan_id)
        for sum_, what in (("added", "added"), ("changed", "changed"), ("removed", "removed")):
            assert scan[sum_] == sum(row[sum_] for row in outcomes.values()) == feed[what]
        assert scan["items"] == sum(row["items"] for row in outcomes.values())
        live = await self.live()
        assert all(live[name] == SECRETS + KEYS for name in others)
        assert await self.rig.pool.fetchval("SELECT count(*) FROM scanner.staged") == 0

    async def unread(self, scan_id: UUID, outcome: str) -> dict[str, Any]:
        """Check that the sick vault alone was not read, lost nothing, and says why."""
        await self.all_well(scan_id)
        found = (await self.outcomes(scan_id))[self.sick]
        assert found["outcome"] == outcome, found
        assert found["reason"]
        assert found["remedy"]
        assert (await self.live())[self.sick] == SECRETS + KEYS
        assert (await self.rig.scan_row(scan_id))["outcome"] == "partial"
        [event] = [
            e
            for e in await self.rig.outbox.sent(VaultScanned)
            if (e.scan_id, e.vault_name) == (scan_id, self.sick)
        ]
        assert (event.previous_outcome, event.outcome) == ("ok", outcome)
        return found

    async def read(self, scan_id: UUID) -> None:
        """Check that every vault was read, the sick one too, and nothing changed."""
        await self.all_well(scan_id)
        found = (await self.outcomes(scan_id))[self.sick]
        assert (found["outcome"], found["items"]) == ("ok", SECRETS + KEYS), found
        assert (found["added"], found["changed"], found["removed"]) == (0, 0, 0)
        assert (await self.rig.scan_row(scan_id))["outcome"] == "complete"


@asynccontextmanager
async def a_ward(
    sandbox: Sandbox,
    pool: Pool,
    *,
    timeouts: Timeouts = IMPATIENT,
    resolver: AbstractResolver | None = None,
    clock: Clock = utc_now,
) -> AsyncIterator[Ward]:
    """Open the clouds, scan once without trouble, and give the scanner."""
    pacing = Pacing(SharedLedger(pool, 500.0))
    async with open_clouds(
        settings_for(sandbox),
        gate=pacing.gate,
        timeouts=timeouts,
        resolver=resolver,
        clock=clock,
    ) as clouds:
        rig = Rig(pool=pool, cloud=Joined(clouds), outbox=SentTable(pool))  # type: ignore[arg-type]
        ward = Ward(sandbox, rig)
        await asyncio.wait_for(ward.scan(), 60)
        yield ward
