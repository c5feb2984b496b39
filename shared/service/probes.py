"""What every service looks at to say how it is: database, bus, tasks, and its peers."""

from collections.abc import Iterable, Sequence
from typing import Final

from shared.bus import Bus
from shared.bus.topology import SUBSCRIPTIONS
from shared.database import Pool
from shared.health import Check, Probe, Status
from shared.service.tasks import Task

SILENT_SECONDS: Final = 20.0
PING_SECONDS: Final = 2.0


def database(pool: Pool) -> Probe:
    """Ask the database for the simplest answer."""

    async def probe() -> Check:
        await pool.fetchval("SELECT 1")
        return Check(Status.OK)

    return probe


def bus(client: Bus) -> Probe:
    """Reach the broker, see that every queue of ours has a live consumer, and hear its troubles."""

    async def probe() -> Check:
        reached, troubles = await client.ping(PING_SECONDS), "; ".join(client.troubles())
        if not reached:
            return Check(
                Status.FAILED,
                troubles or "the broker does not answer; events wait in the outbox",
            )
        if not client.consuming():
            return Check(Status.FAILED, troubles or "a queue of this service has no consumer")
        return Check(Status.DEGRADED, troubles) if troubles else Check(Status.OK)

    return probe


def tasks(running: Iterable[Task]) -> Probe:
    """Name the tasks that failed and wait to be begun again."""

    async def probe() -> Check:
        failed = [f"{task.name} ({task.failure})" for task in running if task.failure]
        return Check(Status.DEGRADED, "; ".join(failed)) if failed else Check(Status.OK)

    return probe


def peers(client: Bus, own: str) -> Probe:
    """Say which of the other services has not been heard of; their work waits, nothing is lost."""

    async def probe() -> Check:
        ages = {seen.service: seen.age_seconds for seen in await client.services()}
        missing = missing_services(ages, [name for name in SUBSCRIPTIONS if name != own])
        return Check(Status.DEGRADED, "; ".join(missing)) if missing else Check(Status.OK)

    return probe


def missing_services(ages: dict[str, float], expected: Sequence[str]) -> list[str]:
    """Return one sentence per expected service that is silent; ages are seconds since its beat."""
    sentences = []
    for name in sorted(expected):
        age = ages.get(name)
        if age is None:
            sentences.append(f"{name} has never been seen")
        elif age > SILENT_SECONDS:
            sentences.append(f"{name} was last seen {age:.0f} s ago")
    return sentences
