"""Which cloud to talk to: its hosts, its token scopes, and as whom.

One object points everything at Azure's public cloud, Azure US Government, Azure in China, or the
sandbox. Outside this folder no code knows which of them it talks to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from yarl import URL

from shared.clouds.addresses import FixedAddress, parse_addresses
from shared.clouds.urls import DEFAULT_PORT, VAULT_LABEL, origin
from shared.errors import SettingsError
from shared.secret_value import SecretValue
from shared.settings import CloudVariables

Plane = Literal["blob", "documents", "bus", "cognitive"]
CredentialSource = Literal["managed-identity", "workload-identity", "client-secret", "az-login"]
_ASKS_ENTRA: Final = frozenset({"workload-identity", "client-secret"})


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this process is to Entra, and how it proves that."""

    source: CredentialSource = "managed-identity"
    client_id: str | None = None
    tenant_id: str | None = None
    client_secret: SecretValue | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudSettings:
    """A cloud's addresses. `vault_suffix` starts with a dot; every address is https.

    `planes` are what follows a resource's name where its keys open something, each with its dot.

    `loopback` means: names resolve to this machine and no other name resolves at all. It comes with
    `ca_file`, the only authority whose certificates are then believed. `addresses` say where some
    of the cloud's names are found; DNS says it of the others.
    """

    name: str
    authority: str
    arm: str
    arm_scope: str
    vault_suffix: str
    graph: str
    planes: Mapping[Plane, str]
    port: int = DEFAULT_PORT
    ca_file: Path | None = None
    loopback: bool = False
    addresses: tuple[FixedAddress, ...] = ()
    identity: Identity = field(default_factory=Identity)

    @property
    def vault_scope(self) -> str:
        """The scope of the token that every vault of this cloud accepts."""
        return f"https://{self.vault_suffix.removeprefix('.')}{self._port_text}/.default"

    @property
    def graph_scope(self) -> str:
        """The scope of the token that Microsoft Graph accepts."""
        return f"{self.graph}/.default"

    @property
    def _port_text(self) -> str:
        return "" if self.port == DEFAULT_PORT else f":{self.port}"

    def owns_vault(self, uri: str) -> bool:
        """Whether a vault token may be sent to this address."""
        return self._owns_named(uri, self.vault_suffix)

    def owns_plane(self, plane: Plane, url: str) -> bool:
        """Whether a request signed with a resource's key may be sent to this address."""
        return self._owns_named(url, self.planes[plane])

    def resource(self, plane: Plane, name: str) -> str:
        """Return where a resource's keys open something, without a slash at its end."""
        return f"https://{name}{self.planes[plane]}{self._port_text}"

    def _owns_named(self, url: str, suffix: str) -> bool:
        """Whether an address is one name with a dot and the suffix after it."""
        where = origin(url)
        if where is None or where[1] != self.port:
            return False
        label = where[0].removesuffix(suffix)
        return label != where[0] and VAULT_LABEL.fullmatch(label) is not None

    def owns_arm(self, url: str) -> bool:
        """Whether a management token may be sent to this address."""
        return origin(url) == origin(self.arm)

    def owns_graph(self, url: str) -> bool:
        """Whether a Microsoft Graph token may be sent to this address."""
        return origin(url) == origin(self.graph)

    def owns_authority(self, url: str) -> bool:
        """Whether a credential may be sent to this address, to be proven there."""
        return origin(url) == origin(self.authority)

    def owns(self, url: str) -> bool:
        """Whether the address belongs to this cloud at all."""
        return self.owns_vault(url) or self.owns_arm(url) or self.owns_graph(url)

    def hosts(self) -> tuple[str, ...]:
        """Return every host that this product contacts in this cloud.

        `*` stands for a vault, or for a resource whose keys are rotated. A managed identity's
        endpoint is on the machine itself, and `az login` brings its own client, so Entra's host is
        listed only where this product asks it for tokens.
        """
        hosts = [_host(self.arm), _host(self.graph), f"*{self.vault_suffix}"]
        hosts += [f"*{suffix}" for suffix in self.planes.values()]
        if self.identity.source in _ASKS_ENTRA:
            hosts.append(_host(self.authority))
        return tuple(sorted(hosts))


def public(identity: Identity | None = None) -> CloudSettings:
    """Return the settings of Azure's public cloud."""
    return CloudSettings(
        name="public",
        authority="https://login.microsoftonline.com",
        arm="https://management.azure.com",
        arm_scope="https://management.azure.com/.default",
        vault_suffix=".vault.azure.net",
        graph="https://graph.microsoft.com",
        planes={
            "blob": ".blob.core.windows.net",
            "documents": ".documents.azure.com",
            "bus": ".servicebus.windows.net",
            "cognitive": ".cognitiveservices.azure.com",
        },
        identity=identity or Identity(),
    )


def usgov(identity: Identity | None = None) -> CloudSettings:
    """Return Azure US Government's settings; its management scope is not its endpoint."""
    return CloudSettings(
        name="usgov",
        authority="https://login.microsoftonline.us",
        arm="https://management.usgovcloudapi.net",
        arm_scope="https://management.core.usgovcloudapi.net/.default",
        vault_suffix=".vault.usgovcloudapi.net",
        graph="https://graph.microsoft.us",
        planes={
            "blob": ".blob.core.usgovcloudapi.net",
            "documents": ".documents.azure.us",
            "bus": ".servicebus.usgovcloudapi.net",
            "cognitive": ".cognitiveservices.azure.us",
        },
        identity=identity or Identity(),
    )


def china(identity: Identity | None = None) -> CloudSettings:
    """Return the settings of Azure in China, operated by 21Vianet."""
    return CloudSettings(
        name="china",
        authority="https://login.chinacloudapi.cn",
        arm="https://management.chinacloudapi.cn",
        arm_scope="https://management.chinacloudapi.cn/.default",
        vault_suffix=".vault.azure.cn",
        graph="https://microsoftgraph.chinacloudapi.cn",
        planes={
            "blob": ".blob.core.chinacloudapi.cn",
            "documents": ".documents.azure.cn",
            "bus": ".servicebus.chinacloudapi.cn",
            "cognitive": ".cognitiveservices.azure.cn",
        },
        identity=identity or Identity(),
    )


def sandbox(*, port: int, ca_file: Path, identity: Identity | None = None) -> CloudSettings:
    """Return the simulated cloud's settings: this machine, one TLS port, told apart by host."""
    arm = f"https://arm.sandbox.localhost:{port}"
    return CloudSettings(
        name="sandbox",
        authority=f"https://login.sandbox.localhost:{port}",
        arm=arm,
        arm_scope=f"{arm}/.default",
        vault_suffix=".vault.sandbox.localhost",
        graph=f"https://graph.sandbox.localhost:{port}",
        planes={
            "blob": ".blob.sandbox.localhost",
            "documents": ".documents.sandbox.localhost",
            "bus": ".servicebus.sandbox.localhost",
            "cognitive": ".cognitiveservices.sandbox.localhost",
        },
        port=port,
        ca_file=ca_file,
        loopback=True,
        identity=identity or Identity(),
    )


_REAL: Final = {"public": public, "usgov": usgov, "china": china}


def cloud_settings(
    cloud: str,
    *,
    sandbox_port: int | None = None,
    sandbox_ca_file: Path | None = None,
    identity: Identity | None = None,
) -> CloudSettings:
    """Return the preset that `cloud` names.

    Raises `SettingsError` for an unknown name and for a sandbox without port or CA file.
    """
    if preset := _REAL.get(cloud):
        return preset(identity)
    if cloud != "sandbox":
        raise SettingsError(f"CLOUD must be public, usgov, china or sandbox, not {cloud!r}.")
    if sandbox_port is None or sandbox_ca_file is None:
        raise SettingsError("CLOUD=sandbox needs SANDBOX_PORT and SANDBOX_CA_FILE.")
    return sandbox(port=sandbox_port, ca_file=sandbox_ca_file, identity=identity)


def from_variables(variables: CloudVariables) -> CloudSettings:
    """Return the cloud that a service's settings ask for; raises `SettingsError`."""
    secret = variables.azure_client_secret
    identity = Identity(
        source=variables.azure_credential,
        client_id=variables.azure_client_id,
        tenant_id=variables.azure_tenant_id,
        client_secret=SecretValue(secret.get_secret_value()) if secret else None,
    )
    cloud = cloud_settings(
        variables.cloud,
        sandbox_port=variables.sandbox_port,
        sandbox_ca_file=variables.sandbox_ca_file,
        identity=identity,
    )
    every_host = (*cloud.hosts(), _host(cloud.authority))
    return replace(cloud, addresses=parse_addresses(variables.cloud_addresses, every_host))


def _host(url: str) -> str:
    return URL(url).host or ""
