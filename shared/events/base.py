"""What all events share: they are frozen, read tolerantly, and know their wire type."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Event(BaseModel):
    """A fact or a request on the bus.

    `extra="ignore"` makes every reader tolerant: a newer publisher may add fields. A change that an
    old reader would misunderstand is a new class with the next version in its type.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: ClassVar[str]

    @classmethod
    def topic(cls) -> str:
        """Return the subject, which is the topic: `certifyclouds.<subject>.<what>.v<n>`."""
        return cls.type.split(".")[1]
