"""What the scanner is told from outside."""

from typing import Final, Self

from pydantic import Field, field_validator, model_validator

from services.scanner.domain.budget import DEFAULT_RATE
from services.scanner.domain.enrichment import DEFAULT_CALLS, DEFAULT_HOURS
from services.scanner.domain.status import Thresholds
from shared.cron import Recurrence
from shared.selector import parse_scope
from shared.settings import ServiceSettings

NO_SCHEDULE: Final = "off"


class Settings(ServiceSettings):
    """The settings of every service, and those of discovery."""

    scan_when_empty: bool = Field(
        default=True, description="Scan at the start if nothing was ever scanned."
    )
    scan_vaults_at_once: int = Field(
        default=64, ge=1, le=512, description="Vaults of one shard that are read at the same time."
    )
    scan_requests_per_second: float = Field(
        default=DEFAULT_RATE,
        gt=0,
        description="Requests a second to the vaults of one subscription and region; Azure grants"
        " 2,000 to all applications together.",
    )
    scan_detail_calls: int = Field(
        default=DEFAULT_CALLS,
        ge=0,
        description="Requests for details (versions, public halves, policies) in one scan of one"
        " subscription and region; the rest is read by the next scans. 0: none.",
    )
    scan_detail_hours: float = Field(
        default=DEFAULT_HOURS,
        ge=0,
        description="Older details of unchanged items are read again by a full scan.",
    )
    scan_stale_seconds: float = Field(
        default=600, gt=0, description="Without progress for so long a scan is resumed."
    )
    scan_diagnostics: bool = Field(
        default=True,
        description="Read where each vault sends its logs: one request a vault, slowly.",
    )
    scan_diagnostics_hours: float = Field(
        default=24,
        ge=0,
        description="Hours after which a vault's diagnostic settings are read again.",
    )
    scan_scope: str = Field(
        default="",
        description="A selector of vaults; those outside are not looked at, by choice.",
    )
    scan_schedule: str = Field(
        default="0 */6 * * *",
        description="The first start's default schedule, five cron fields in UTC; off: none.",
    )
    scan_retention_days: int = Field(
        default=400, ge=1, le=36500, description="Days that old scans and changes are kept."
    )
    sweep_seconds: float = Field(
        default=60, gt=0, description="Seconds between two looks for what came closer to its end."
    )
    permission_check_hours: float = Field(
        default=24,
        ge=0,
        description="Hours between two looks at what this identity may do; 0: only on request.",
    )
    expiry_warning_days: int = Field(default=30, description="Fewer days left are a warning.")
    expiry_critical_days: int = Field(default=7, description="Fewer days left are critical.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        """Refuse thresholds in the wrong order."""
        self.thresholds()
        return self

    @field_validator("scan_scope")
    @classmethod
    def _scope(cls, text: str) -> str:
        """Refuse what is no selector of vaults."""
        return str(parse_scope(text))

    @field_validator("scan_schedule")
    @classmethod
    def _recurrence(cls, text: str) -> str:
        """Refuse what is no recurrence."""
        if text != NO_SCHEDULE:
            Recurrence(text)
        return text

    def thresholds(self) -> Thresholds:
        """Return when an item needs attention."""
        return Thresholds(
            warning_days=self.expiry_warning_days, critical_days=self.expiry_critical_days
        )
