"""What every service is told from outside, read once at start.

Values come from environment variables (or files in `/run/secrets`, named like the variable). A
service that is told nonsense does not start: `load_settings` raises one `SettingsError` that names
each variable and what to do about it.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.address import ESCAPE, asks_for_proof, is_whole
from shared.bus_url import address_of
from shared.errors import SettingsError
from shared.secret_key import weakness


def _strong(key: SecretStr) -> SecretStr:
    """Refuse a key that somebody could guess, or knows from a manual."""
    if reason := weakness(key.get_secret_value()):
        raise ValueError(f"{reason}; make one: openssl rand -hex 32")
    return key


def _database(url: SecretStr) -> SecretStr:
    """Refuse what is no address; the driver's own error would tell a part of the password."""
    text = url.get_secret_value()
    if not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("it must look like postgresql://role:password@host:5432/certifyclouds")
    if not is_whole(text):
        raise ValueError(f"it cannot be read; {ESCAPE}")
    asks_for_proof(text)
    return url


def _bus(url: SecretStr) -> SecretStr:
    try:
        address_of(url.get_secret_value())
    except SettingsError as refused:
        raise ValueError(f"it {str(refused).removeprefix('BUS_URL ').removesuffix('.')}") from None
    return url


SecretKey = Annotated[SecretStr, AfterValidator(_strong)]
DatabaseURL = Annotated[SecretStr, AfterValidator(_database)]
BusURL = Annotated[SecretStr, AfterValidator(_bus)]
CloudName = Literal["public", "usgov", "china", "sandbox"]
CredentialSource = Literal["managed-identity", "workload-identity", "client-secret", "az-login"]


class CloudVariables(BaseSettings):
    """Which cloud to talk to, and as whom."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    cloud: CloudName = Field(default="public", description="public, usgov, china or sandbox.")
    cloud_addresses: str = Field(
        default="",
        description="Where the cloud's names are found if DNS does not say: name=address[:port], …",
    )
    azure_credential: CredentialSource = Field(
        default="managed-identity", description="How the service proves who it is to Entra."
    )
    azure_client_id: str | None = Field(default=None, description="The identity's client id.")
    azure_tenant_id: str | None = Field(
        default=None, description="The tenant; needed for client-secret."
    )
    azure_client_secret: SecretStr | None = Field(
        default=None, description="Only for client-secret."
    )
    sandbox_port: int | None = Field(default=None, description="The sandbox's TLS port.")
    sandbox_ca_file: Path | None = Field(default=None, description="The sandbox's CA certificate.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Refuse half a cloud: the sandbox needs its address, a client secret its tenant and id."""
        if self.cloud == "sandbox" and not (self.sandbox_port and self.sandbox_ca_file):
            raise ValueError("CLOUD=sandbox needs SANDBOX_PORT and SANDBOX_CA_FILE")
        parts = (self.azure_tenant_id, self.azure_client_id, self.azure_client_secret)
        if self.azure_credential == "client-secret" and not all(parts):
            raise ValueError(
                "AZURE_CREDENTIAL=client-secret needs AZURE_TENANT_ID, AZURE_CLIENT_ID and"
                " AZURE_CLIENT_SECRET"
            )
        return self


class ServiceSettings(CloudVariables):
    """What each service needs, whatever it does."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        secrets_dir="/run/secrets" if Path("/run/secrets").is_dir() else None,
    )

    database_url: DatabaseURL = Field(description="The service's own role in the one database.")
    bus_url: BusURL = Field(
        default=SecretStr(""),
        description="Empty: the database carries events. Or amqp://…, or a Service Bus namespace.",
    )
    secret_key: SecretKey = Field(
        description="Protects what is stored encrypted; at least 32 bytes."
    )
    internal_host: str = Field(default="127.0.0.1", description="Where health and metrics listen.")
    internal_port: int = Field(default=8081, ge=0, le=65535, description="Their port.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"
    otel_exporter_otlp_endpoint: str | None = Field(
        default=None,
        description="Where traces go (OTLP over HTTP); none: they stay in the process.",
    )
    data_dir: Path | None = Field(
        default=None, description="A folder for what is exported to files."
    )


S = TypeVar("S", bound=BaseSettings)


def load_settings(kind: type[S], **overrides: Any) -> S:  # noqa: ANN401 - pydantic checks them
    """Read the settings of `kind`; `overrides` win over the environment.

    Raises `SettingsError` with one line per wrong variable. A wrong value itself is never repeated:
    it may be a secret.
    """
    try:
        return kind(**overrides)
    except ValidationError as error:
        raise SettingsError(_sentences(error)) from None


def _sentences(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        name = ".".join(str(part) for part in problem["loc"]).upper()
        reason = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "missing":
            reason = "it is not set"
        lines.append(f"{name}: {reason}." if name else f"{reason}.")
    return "Cannot start, because of the settings. " + " ".join(lines)
