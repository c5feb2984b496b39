"""What the gateway is told from outside, besides what every service is."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr

from services.gateway.domain.approval import Act
from services.gateway.domain.client_ip import Network, parse_networks
from services.gateway.domain.rotation import LONGEST_OVERLAP_SECONDS
from shared.settings import ServiceSettings

MOST_PER_MINUTE: Final = 100_000


def _networks(text: str) -> str:
    """Refuse a list that cannot be read, or that trusts everybody."""
    parse_networks(text)
    return text


def _acts(text: str) -> str:
    """Refuse a list with an act that nobody can ask for."""
    known = {act.value for act in Act}
    if unknown := [word for word in _words(text) if word not in known]:
        raise ValueError(f"there is no act “{unknown[0]}”; there are: {', '.join(sorted(known))}")
    return text


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


class Settings(ServiceSettings):
    """The gateway's settings."""

    http_host: str = Field(default="127.0.0.1", description="Where people reach the gateway.")
    http_port: int = Field(default=8080, ge=0, le=65535, description="Its port.")
    setup_token_file: Path | None = Field(
        default=None,
        description="Where the one-time token for the first administrator is written (mode 0600)."
        " Without it: DATA_DIR/setup-token.",
    )
    setup_token_hours: int = Field(default=24, ge=1, le=168, description="How long it works.")
    # It may be weak: that is a reason to change it.
    secret_key_previous: SecretStr | None = Field(
        default=None,
        description="The SECRET_KEY before the present one: it opens what `keys rotate` has not"
        " wrapped anew yet.",
    )
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = Field(
        default="",
        description="Networks of your own proxies, with commas; only theirs X-Forwarded-* counts.",
    )
    public_origin: str | None = Field(
        default=None,
        pattern=r"^https?://[^/\s]+$",
        description="The address people use, such as https://certify.example.org; none: the Host"
        " header's.",
    )
    logins_per_minute: int = Field(default=10, ge=1, le=1000, description="Per client network.")
    requests_per_minute: int = Field(
        default=600,
        ge=1,
        le=MOST_PER_MINUTE,
        description="Per user, and per network without a session.",
    )
    second_factor_required: bool = Field(
        default=False, description="Who has none may do nothing but add one."
    )
    approval_required: Annotated[str, AfterValidator(_acts)] = Field(
        default="", description="Acts that a second person approves: purge-dead-letters, rotations."
    )
    rotation_overlap_floor_seconds: int = Field(
        default=3600,
        ge=0,
        le=LONGEST_OVERLAP_SECONDS,
        description="The shortest overlap of a rotated credential; less is for tests only.",
    )
    audit_retention_days: int = Field(
        default=400, ge=90, le=36_500, description="How long the audit log is kept."
    )
    max_body_bytes: int = Field(default=65_536, ge=1024, le=10_485_760)
    max_streams: int = Field(default=200, ge=1, description="Live streams of one replica.")

    @cached_property
    def proxies(self) -> tuple[Network, ...]:
        """Return the trusted networks."""
        return parse_networks(self.trusted_proxies)

    def needs_approval(self, act: Act) -> bool:
        """Say whether a second person must approve such an act."""
        return act.value in _words(self.approval_required)

    @property
    def token_file(self) -> Path | None:
        """Return where the set-up token is written, if anywhere."""
        if self.setup_token_file is None and self.data_dir is not None:
            return self.data_dir / "setup-token"
        return self.setup_token_file
