"""Asking a vault about one item: what is held against the vault, and what is not."""

import asyncio

from services.scanner.domain.detail import Version
from services.scanner.domain.inventory import ItemKind
from services.scanner.steps.ask import Asker
from shared.clouds.deadline import standing_still
from tests.support.details import FakeDetails, FakeVault
from tests.support.scanner import NOW, a_vault, an_item


class AtTheGate(FakeVault):
    """Each request waits for its place in the budget for longer than an answer may take."""

    async def versions(self, kind: ItemKind, name: str) -> list[Version]:
        with standing_still():
            await asyncio.sleep(0.05)
        return await super().versions(kind, name)


async def test_waiting_for_a_place_is_not_held_against_the_vault() -> None:
    vault = a_vault()
    asker = Asker(vault=vault, details=AtTheGate(FakeDetails(), vault), seconds=0.01)

    reading = await asker.ask(an_item(), NOW)

    assert reading.problem is None
    assert reading.detail.versions
