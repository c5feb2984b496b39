"""The daily round: what a rotation that ended left behind goes, and late writes are undone."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.rotator.domain.marker import OWN_TAGS
from services.rotator.domain.rotation import Place
from services.rotator.domain.tidying import Accounted, Round, is_late, unaccounted
from services.rotator.domain.version import Version
from services.rotator.ports import Driver, FencedError, Label, Made, Rounds, Vault, Verdict
from shared.errors import CertifyCloudsError
from shared.telemetry import get_logger

logger = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Janitor:
    """Makes rounds of the targets, one at a time."""

    rounds: Rounds
    drivers: Mapping[str, Driver]
    vault: Vault

    async def turn(self) -> None:
        """Go round every target that was not looked at for a day."""
        while (around := await self.rounds.begin()) is not None:
            try:
                await self._go(around)
            except FencedError:
                continue
            except CertifyCloudsError as error:
                logger.warning("rotation.round_failed", target=around.target, reason=str(error))
            await self.rounds.end(around)

    async def _go(self, around: Round) -> None:
        published: set[str | None] = set()
        for credential in around.credentials:
            for place in credential.places:
                current = await self.vault.current(place)
                newest = current[0] if current else None
                published.add(newest.key_id if newest else None)
                if is_late(credential, newest):
                    await self._undo(around, credential, place, newest)
        await self._sweep(around, published)

    async def _sweep(self, around: Round, published: set[str | None]) -> None:
        driver = self.drivers[around.driver]
        for held in unaccounted(around, await driver.look(around.target), published):
            await self.rounds.fence(around)
            await driver.remove(around.target, held.key_id)
            logger.warning(
                "rotation.leftover_removed", target=around.target, marker=str(held.marker)
            )

    async def _undo(
        self, around: Round, credential: Accounted, place: Place, newest: Version | None
    ) -> None:
        """Write the credential that is in use again, if it works."""
        versions = await self.vault.versions(place)
        written = [each for each in versions if each.key_id == credential.key_id]
        if not written or credential.key_id is None or newest is None:
            return
        value = await self.vault.read(place, written[-1])
        made = Made(credential.key_id, value, written[-1].expires_on)
        tested = await self.drivers[around.driver].test(around.target, made)
        if tested.verdict is not Verdict.WORKS:
            return
        await self.rounds.fence(around)
        kept = {name: value for name, value in newest.tags.items() if name not in OWN_TAGS}
        tags = kept | _own(written[-1])
        label = Label(tags=tags, content_type=newest.content_type)
        await self.vault.publish(place, made, label)
        logger.warning("rotation.late_write_undone", target=around.target, name=place.name)


def _own(version: Version) -> dict[str, str]:
    """Return what the version says about itself."""
    return {name: value for name, value in version.tags.items() if name in OWN_TAGS}
