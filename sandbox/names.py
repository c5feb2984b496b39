"""The host names that the sandbox answers to, and the audiences its services accept.

Under the sandbox's own names the listener's port is part of every address. Under the names of a
real cloud no port shows: a client whose resolver sends those names here sees Azure's own addresses.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

DataPlane = Literal["blob", "documents", "bus", "cognitive"]


@dataclass(frozen=True, slots=True)
class Hosts:
    """A cloud's host names; `vault` is what follows a vault's name and a dot.

    `planes` are what follows an account's name and a dot where its keys open something.
    """

    login: str
    arm: str
    graph: str
    vault: str
    planes: Mapping[DataPlane, str]
    arm_audience: str = ""


HOSTS: Final[dict[str, Hosts]] = {
    "sandbox": Hosts(
        login="login.sandbox.localhost",
        arm="arm.sandbox.localhost",
        graph="graph.sandbox.localhost",
        vault="vault.sandbox.localhost",
        planes={
            "blob": "blob.sandbox.localhost",
            "documents": "documents.sandbox.localhost",
            "bus": "servicebus.sandbox.localhost",
            "cognitive": "cognitiveservices.sandbox.localhost",
        },
    ),
    "public": Hosts(
        login="login.microsoftonline.com",
        arm="management.azure.com",
        graph="graph.microsoft.com",
        vault="vault.azure.net",
        planes={
            "blob": "blob.core.windows.net",
            "documents": "documents.azure.com",
            "bus": "servicebus.windows.net",
            "cognitive": "cognitiveservices.azure.com",
        },
        arm_audience="https://management.core.windows.net",
    ),
    "usgov": Hosts(
        login="login.microsoftonline.us",
        arm="management.usgovcloudapi.net",
        graph="graph.microsoft.us",
        vault="vault.usgovcloudapi.net",
        planes={
            "blob": "blob.core.usgovcloudapi.net",
            "documents": "documents.azure.us",
            "bus": "servicebus.usgovcloudapi.net",
            "cognitive": "cognitiveservices.azure.us",
        },
        arm_audience="https://management.core.usgovcloudapi.net",
    ),
    "china": Hosts(
        login="login.chinacloudapi.cn",
        arm="management.chinacloudapi.cn",
        graph="microsoftgraph.chinacloudapi.cn",
        vault="vault.azure.cn",
        planes={
            "blob": "blob.core.chinacloudapi.cn",
            "documents": "documents.azure.cn",
            "bus": "servicebus.chinacloudapi.cn",
            "cognitive": "cognitiveservices.azure.cn",
        },
        arm_audience="https://management.core.chinacloudapi.cn",
    ),
}


@dataclass(frozen=True, slots=True)
class Names:
    """Every address of this sandbox, as its answers write them."""

    hosts: Hosts
    port_text: str

    @property
    def login(self) -> str:
        return f"https://{self.hosts.login}{self.port_text}"

    @property
    def arm(self) -> str:
        return f"https://{self.hosts.arm}{self.port_text}"

    @property
    def graph(self) -> str:
        return f"https://{self.hosts.graph}{self.port_text}"

    @property
    def vault_resource(self) -> str:
        """The audience of Key Vault's tokens, as its challenge names it."""
        return f"https://{self.hosts.vault}{self.port_text}"

    @property
    def vault_suffix(self) -> str:
        return f".{self.hosts.vault}{self.port_text}"

    def vault(self, name: str) -> str:
        """Return a vault's address without a closing slash."""
        return f"https://{name}{self.vault_suffix}"

    def account(self, plane: DataPlane, name: str) -> str:
        """Return an account's address, where its keys open something, with a closing slash."""
        return f"https://{name}.{self.hosts.planes[plane]}{self.port_text}/"

    def paging_origin(self, name: str) -> str:
        """Return how the real service begins a vault's nextLink: with the port, always."""
        return self.vault(name) + ("" if self.port_text else ":443")

    def audiences(self, service: str) -> frozenset[str]:
        """Return the audiences that a service takes; each with and without a closing slash."""
        plain = {
            "vault": {self.vault_resource},
            "arm": {self.arm, self.hosts.arm_audience} - {""},
            "graph": {self.graph},
        }[service]
        return frozenset(plain | {f"{audience}/" for audience in plain})

    def is_known(self, audience: str) -> bool:
        """Say whether Entra knows a resource of this name."""
        return any(audience in self.audiences(service) for service in ("vault", "arm", "graph"))


def names(cloud: str, port: int) -> Names:
    """Return the addresses under a cloud's names for a listener on this port."""
    return Names(HOSTS[cloud], f":{port}" if cloud == "sandbox" else "")
