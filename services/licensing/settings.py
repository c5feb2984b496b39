"""What licensing is told from outside."""

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The settings of every service; licensing has none of its own."""
