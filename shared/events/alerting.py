"""Alerts: raised once, resolved by evidence."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.events.base import Event
from shared.events.items import CredentialRef


class Severity(StrEnum):
    """How soon a person must look."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class AlertRaised(Event):
    """Something needs a person."""

    type: ClassVar[str] = "certifyclouds.alert.raised.v1"

    alert_id: UUID
    alert_type: str = Field(
        description="What kind of alert, as rules name it (`secret_expiring`, …)."
    )
    severity: Severity
    title: str
    credential: CredentialRef | None = None
    raised_at: AwareDatetime


class AlertResolved(Event):
    """What an alert warned of is no longer so."""

    type: ClassVar[str] = "certifyclouds.alert.resolved.v1"

    alert_id: UUID
    resolved_at: AwareDatetime
    evidence: str = Field(description="What was seen that settles it.")
