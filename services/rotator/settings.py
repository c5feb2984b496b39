"""What the rotator is told from outside."""

from datetime import timedelta

from pydantic import Field

from services.rotator.domain.limits import TENANT_RATE, VAULT_RATE, Rate
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

    def rates(self) -> Rates:
        """Return how fast writes may go out."""
        return Rates(
            vault=_rate(self.rotation_vault_writes_per_second, VAULT_RATE.burst),
            target=_rate(self.rotation_target_writes_per_second, TENANT_RATE.burst),
        )


def _rate(per_second: float, burst: int) -> Rate:
    return Rate(every=timedelta(seconds=1 / per_second), burst=burst)
