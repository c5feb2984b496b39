"""What the rotator is told from outside."""

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The settings of every service; the rotator has none of its own."""
