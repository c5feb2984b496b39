"""What alerting is told from outside."""

from pydantic import Field

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The settings of every service, and how often alerting looks by itself."""

    look_seconds: float = Field(
        default=900,
        gt=0,
        description="Seconds between two looks at the inventory that no message asked for.",
    )
