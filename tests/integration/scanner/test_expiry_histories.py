"""Whatever happens to credentials, rules, replicas and clocks: each step is announced once.

Random histories over real PostgreSQL, the real recording and the real sweep, compared after every
sweep with a naive model that looks at everything. `EXPIRY_HISTORIES` sets how many (12).
"""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from services.scanner.handlers import on_threshold_change_requested
from services.scanner.steps import sweep as sweeping
from services.scanner.steps.rejudge import rejudge
from services.scanner.steps.sweep import sweep
from services.scanner.store import announcements
from shared.events import SecretExpiring, ThresholdChangeRequested
from shared.events.scanning import ThresholdScope
from tests.support.expiry import Change, History, Told, logical
from tests.support.scanner import CrashedError, Rig, a_message, a_vault

SEEDS = range(int(os.environ.get("EXPIRY_HISTORIES", "12")))
LENGTH = 45


class World:
    """The product in a history: its inventory follows the model's, its clock is the history's."""

    def __init__(self, rig: Rig, seed: int) -> None:
        self.rig = rig
        self.history = History(seed)
        self.dice = self.history.dice
        self.log: list[str] = []

    async def begin(self) -> None:
        self.rig.cloud.put(a_vault())
        await self.rig.scan()
        self.vault_id = await self.rig.pool.fetchval(
            "SELECT id FROM scanner.vault WHERE name = 'kv-pay'"
        )

    async def apply(self, change: Change) -> None:
        """Let the product learn what happened, by a scan or by a message."""
        self.log.append(change.what)
        if change.scope:
            await self._change_rule(change)
            return
        held = self.history.model.held.values()
        self.rig.cloud.holds["kv-pay"] = [i for i in held if i.application is None]
        self.rig.cloud.credentials_seen = [i for i in held if i.application]
        if self.dice.random() < 0.1:  # a vault that cannot be read changes nothing that is known
            readable = self.rig.cloud.holds["kv-pay"]
            self.rig.cloud.holds["kv-pay"] = TimeoutError()
            await self.rig.scan()
            self.rig.cloud.holds["kv-pay"] = readable
        await self.rig.scan()

    async def _change_rule(self, change: Change) -> None:
        assert change.scope
        scope, name = change.scope
        event = ThresholdChangeRequested(
            scope=scope,
            name=str(self.vault_id) if scope is ThresholdScope.VAULT else name,
            warning_days=change.days[0] if change.days else None,
            critical_days=change.days[1] if change.days else None,
            requested_by="ada",
        )
        message = a_message(ThresholdChangeRequested)
        for _ in range(self.dice.choice((1, 2))):
            await on_threshold_change_requested(event, message, pool=self.rig.pool)
        await asyncio.gather(rejudge(self.rig.pool), rejudge(self.rig.pool))

    async def sweep(self) -> None:
        """Sweep in one of many ways: alone, by replicas at once, again, after crashes."""
        ways: list[Callable[[], Awaitable[object]]] = [
            self._sweep,
            self._replicas,
            self._crash_at_emit,
            self._crash_before_commit,
        ]
        way = self.dice.choice(ways)
        self.log.append(f"sweep at {self.history.now} by {way.__name__}")
        await way()
        await self._sweep()

    async def _sweep(self) -> None:
        await sweep(self.rig.pool, self.rig.outbox, now=self.history.now)

    async def _replicas(self) -> None:
        await asyncio.gather(*(self._sweep() for _ in range(3)))

    async def _crash_at_emit(self) -> None:
        self.rig.outbox.crash = SecretExpiring
        try:
            await self._sweep()
        except CrashedError:
            self.log.append("(it crashed)")
        finally:
            self.rig.outbox.crash = None

    async def _crash_before_commit(self) -> None:
        async def ended(*_: object) -> None:
            raise CrashedError

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(announcements, "save_looks", ended)
            with pytest.raises(CrashedError):
                await self._sweep()

    async def told(self) -> list[Told]:
        """Return what was announced, in the words of the model."""
        events = await self.rig.outbox.sent(SecretExpiring)
        rows = await self.rig.pool.fetch("SELECT id, external_id FROM scanner.item")
        names = {row["id"]: row["external_id"] for row in rows}
        known = {**self.history.gone, **self.history.model.held}
        return [
            (logical(known[names[e.credential.item_id]]), e.expires_on, e.threshold_days)
            for e in events
        ]


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_crossed_step_of_every_logical_credential_is_announced_exactly_once(
    rig: Rig, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "BATCH", 5)
    world = World(rig, seed)
    await world.begin()
    expected: Counter[Told] = Counter()
    for _ in range(LENGTH):
        change = world.history.next()
        await world.apply(change)
        if world.dice.random() < 0.6:
            await world.sweep()
            expected.update(world.history.model.sweep(world.history.now))
            found = Counter(await world.told())
            assert found == expected, "\n".join([f"seed {seed}", *world.log])
    assert max(expected.values(), default=1) == 1


def test_the_histories_reach_every_kind_of_step() -> None:
    """A model and a product that both say nothing would agree as well."""
    told: set[int] = set()
    for seed in range(120):
        history = History(seed)
        for _ in range(LENGTH):
            history.next()
            told |= {step for _, _, step in history.model.sweep(history.now)}

    assert told >= {90, 60, 45, 30, 20, 14, 10, 7, 5, 3, 2, 1, 0}
