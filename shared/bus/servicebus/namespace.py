"""A Service Bus namespace as BUS_URL names it, and the clients that lead into it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
)
from azure.identity.aio import DefaultAzureCredential
from azure.servicebus.aio.management import ServiceBusAdministrationClient

from shared.bus.broker.servicebus.client import Connection, Endpoint
from shared.bus_url import address_of
from shared.errors import TransientError

_CA_FILE: Final = "cafile="
# What a developer's own session could answer: a service must not act as whoever is signed in.
_NOT_ASKED: Final = {
    f"exclude_{one}_credential": True
    for one in ("cli", "developer_cli", "powershell", "interactive_browser", "visual_studio_code")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """Where it is and how we sign in: with a connection string, or else as an identity.

    `client_id` names a user-assigned identity where the workload has several. `ca_file` holds the
    certificates that its administration's is checked against, where that is no public one.
    """

    host: str
    connection_string: str = field(default="", repr=False)
    client_id: str | None = None
    ca_file: str | None = None

    @classmethod
    def of(cls, url: str) -> Self:
        """Return the namespace of `Endpoint=sb://…[;CaFile=…]`, or of `sb://[client id@]name`."""
        host = address_of(url)
        if url.startswith("sb://"):
            return cls(host=host, client_id=unquote(urlsplit(url).username or "") or None)
        parts = [part for part in url.split(";") if part]
        own = [part for part in parts if part.lower().startswith(_CA_FILE)]
        return cls(
            host=host,
            connection_string=";".join(part for part in parts if part not in own),
            ca_file=own[0][len(_CA_FILE) :] if own else None,
        )

    def endpoint(self) -> Endpoint:
        """Return what the broker connects to; its credential is closed with the process."""
        if self.connection_string:
            return Endpoint(connection_string=self.connection_string)
        return Endpoint(namespace=self.host, credential=self._credential())

    @asynccontextmanager
    async def connected(self, **options: Any) -> AsyncIterator[Connection]:  # noqa: ANN401 - the client's
        """Open a client for messages, with options of the client."""
        async with AsyncExitStack() as stack:
            endpoint = replace(self.endpoint(), options=options)
            if isinstance(endpoint.credential, DefaultAzureCredential):
                stack.push_async_callback(endpoint.credential.close)
            connection = Connection(endpoint.client(), endpoint.url)
            stack.push_async_callback(connection.close)
            yield connection

    @asynccontextmanager
    async def administered(self) -> AsyncIterator[ServiceBusAdministrationClient]:
        """Open a client for entities.

        Raises `TransientError` where the namespace does not answer or does not let us in.
        """
        options: dict[str, Any] = {"connection_verify": self.ca_file} if self.ca_file else {}
        async with AsyncExitStack() as stack:
            if self.connection_string:
                client = ServiceBusAdministrationClient.from_connection_string(
                    self.connection_string, **options
                )
            else:
                credential = await stack.enter_async_context(self._credential())
                client = ServiceBusAdministrationClient(self.host, credential, **options)
            await stack.enter_async_context(client)
            try:
                yield client
            except (ClientAuthenticationError, ServiceRequestError, HttpResponseError) as error:
                raise self._explained(error) from None

    def _credential(self) -> DefaultAzureCredential:
        return DefaultAzureCredential(managed_identity_client_id=self.client_id, **_NOT_ASKED)

    def _explained(self, error: AzureError) -> TransientError:
        if isinstance(error, ServiceRequestError):
            return TransientError(
                f"Service Bus at {self.host} does not answer. Is the name right, and may this"
                " machine open port 443 to it?"
            )
        status = getattr(error, "status_code", None)
        return TransientError(
            f"Service Bus at {self.host} refuses to show or change its entities"
            f" ({status or type(error).__name__}). The connection string's policy needs the claim"
            " Manage; an identity needs the role Azure Service Bus Data Owner."
        )
