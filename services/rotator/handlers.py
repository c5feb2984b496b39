"""Messages in. Each is recorded as handled in the transaction of what follows from it."""

from collections.abc import Callable

from services.rotator.steps import desk
from services.rotator.steps.change_policy import change_freeze, change_policy
from services.rotator.steps.confirm import confirm
from services.rotator.steps.desk import Planner
from services.rotator.store import noticed, plans, rotations
from shared.bus import Message, inbox
from shared.database import Pool
from shared.events import (
    CredentialChangeRequested,
    Event,
    RotationChangeRequested,
    RotationFreezeChangeRequested,
    RotationPauseRequested,
    RotationPlanRequested,
    RotationPolicyChangeRequested,
    RotationRequested,
    SecretExpiring,
    SyncCompleted,
)
from shared.features import Feature, Features

Wake = Callable[[], None]


async def on_secret_expiring(
    event: SecretExpiring, message: Message, *, pool: Pool, wake: Wake
) -> None:
    """Remember that this credential ends soon, and look at once what policies say of it."""
    async with pool.transaction() as conn:
        if await inbox.claim(conn, message, "on_secret_expiring"):
            await noticed.save(conn, event, told_at=message.time)
    wake()


async def on_rotation_requested(
    event: RotationRequested, message: Message, *, pool: Pool, features: Features, wake: Wake
) -> None:
    """Begin a rotation."""
    unlimited = await features.allows(Feature.ROTATION)
    async with pool.transaction() as conn:
        if await inbox.claim(conn, message, "on_rotation_requested"):
            await desk.ask(conn, event, unlimited=unlimited)
    wake()


async def on_rotation_plan_requested(
    event: RotationPlanRequested, message: Message, *, pool: Pool, planner: Planner
) -> None:
    """Look at the clouds and keep the plan. Looked at twice, the first plan stays."""
    outcome = await planner.plan(event)
    async with pool.transaction() as conn:
        if await inbox.claim(conn, message, "on_rotation_plan_requested"):
            await plans.add(conn, outcome)


async def on_rotation_change_requested(
    event: RotationChangeRequested, message: Message, *, pool: Pool, wake: Wake
) -> None:
    """Note an approval, a withdrawal, or that the old credential is wanted back."""
    async with pool.transaction() as conn:
        if await inbox.claim(conn, message, "on_rotation_change_requested"):
            await desk.change(conn, event, message)
    wake()


async def on_rotation_pause_requested(
    event: RotationPauseRequested, message: Message, *, pool: Pool, wake: Wake
) -> None:
    """Hold rotations, or let them go on."""
    async with pool.transaction() as conn:
        if await inbox.claim(conn, message, "on_rotation_pause_requested"):
            await desk.pause(conn, event, message)
    wake()


async def on_rotation_policy_change_requested(
    event: RotationPolicyChangeRequested, message: Message, *, pool: Pool, wake: Wake
) -> None:
    """Set a policy, or take it back, and look what follows."""
    async with pool.transaction() as conn:
        if await inbox.claim(conn, message, "on_rotation_policy_change_requested"):
            await change_policy(conn, event, message)
    wake()


async def on_rotation_freeze_change_requested(
    event: RotationFreezeChangeRequested, message: Message, *, pool: Pool, wake: Wake
) -> None:
    """Set a freeze, or take it back, and look what follows."""
    async with pool.transaction() as conn:
        if await inbox.claim(conn, message, "on_rotation_freeze_change_requested"):
            await change_freeze(conn, event, message)
    wake()


async def on_credential_change_requested(
    event: CredentialChangeRequested, message: Message, *, pool: Pool, wake: Wake
) -> None:
    """Take note of which secrets hold a credential."""
    async with pool.transaction() as conn:
        if await inbox.claim(conn, message, "on_credential_change_requested"):
            await confirm(conn, event, message)
    wake()


async def on_sync_completed(
    event: SyncCompleted, message: Message, *, pool: Pool, wake: Wake
) -> None:
    """Let the rotation that waited for this copy look again."""
    async with pool.transaction() as conn:
        if await inbox.claim(conn, message, "on_sync_completed") and event.rotation_id:
            await rotations.look_again(conn, event.rotation_id)
    wake()


async def on_news(_: Event, message: Message, *, pool: Pool, wake: Wake) -> None:
    """Look again: a scan has ended, the licence allows something else, or somebody asked."""
    async with pool.transaction() as conn:
        await inbox.claim(conn, message, "on_news")
    wake()
