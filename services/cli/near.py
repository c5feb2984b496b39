"""The gateway's database, for commands that run beside it rather than through its API."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

from services.cli.platform import role_url
from services.cli.secrets_file import FILE, keep_secrets
from services.cli.settings import environment, own_variables
from shared.database import embedded_url
from shared.errors import SettingsError
from shared.settings import DatabaseURL, load_settings


class _Near(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    database_url: DatabaseURL | None = None


def gateway_database(data_dir: Path) -> str:
    """Return the database's address for the gateway's role.

    GATEWAY_DATABASE_URL, or the folder of an `up` (beside it DATABASE_URL is an administrator's),
    or DATABASE_URL as the gateway itself is told. Raises `SettingsError` when there is none.
    """
    own = own_variables("gateway", environment()).get("database_url")
    settings = load_settings(_Near)
    given = settings.database_url.get_secret_value() if settings.database_url else None
    if own:
        return own
    if (data_dir / FILE).exists():
        password = keep_secrets(data_dir, secret_key=None).passwords["gateway"]
        return role_url(given or embedded_url(data_dir / "postgres"), "gateway", password)
    if given:
        return given
    raise SettingsError(
        f"There is no platform in {data_dir}. Name its folder with --data-dir, or set DATABASE_URL"
        " to the gateway's own."
    )
