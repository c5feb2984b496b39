"""What the syncer is told from outside."""

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The settings of every service; the syncer has none of its own."""
