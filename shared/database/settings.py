"""How a PostgreSQL is found when no address is given."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ResolverSettings(BaseSettings):
    """Read from the environment; all of it may be left out."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    pg_resolver: Literal["auto", "url", "embedded", "docker"] = Field(
        default="auto",
        description="auto: DATABASE_URL, else embedded; the others insist on one kind.",
    )
    embedded_pg_bin: Path | None = Field(
        default=None, description="A folder with PostgreSQL's programs, instead of the wheel's."
    )
