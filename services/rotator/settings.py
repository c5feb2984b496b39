"""What the rotator is told from outside."""

from datetime import timedelta

from pydantic import Field

from services.rotator.domain.limits import TENANT_RATE, VAULT_RATE, Rate
from services.rotator.domain.pace import BETWEEN_CONFIRMATIONS
from services.rotator.store.budgets import Rates
from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The settings of every service, and those of rotation."""

    rotation_vault_writes_per_second: float = Field(
        default=1.0,
        gt=0,
        le=1_000,
        description="Writes a second to one vault, all processes together; Azure grants 30.",
    )
    rotation_target_writes_per_second: float = Field(
        default=0.5,
        gt=0,
        le=1_000,
        description="Writes a second to all targets of a kind, such as the tenant's applications.",
    )

    rotation_notice_days: float = Field(
        default=7.0,
        ge=0,
        le=90,
        description="How long before a rotation by a policy begins it is announced.",
    )
    approval_required: str = Field(
        default="",
        description="The gateway's: with `rotations`, those by policies wait for an approval, too.",
    )

    @property
    def notice(self) -> timedelta:
        """How long before it begins a rotation is announced."""
        return timedelta(days=self.rotation_notice_days)

    @property
    def rotations_need_approval(self) -> bool:
        """Say whether every rotation waits for somebody's approval."""
        return "rotations" in {word.strip() for word in self.approval_required.split(",")}

    rotation_confirmation_seconds: float = Field(
        default=BETWEEN_CONFIRMATIONS,
        ge=0.1,
        le=600,
        description="Between two of the looks that must agree before a rotation goes on: tests of"
        " a new credential, and lists without a removed one.",
    )

    def rates(self) -> Rates:
        """Return how fast writes may go out."""
        return Rates(
            vault=_rate(self.rotation_vault_writes_per_second, VAULT_RATE.burst),
            target=_rate(self.rotation_target_writes_per_second, TENANT_RATE.burst),
        )


def _rate(per_second: float, burst: int) -> Rate:
    return Rate(every=timedelta(seconds=1 / per_second), burst=burst)
