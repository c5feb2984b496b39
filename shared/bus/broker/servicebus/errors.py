"""Service Bus's errors as sentences that say what to do next."""

from __future__ import annotations

from typing import Final

from azure.core.exceptions import ClientAuthenticationError
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    OperationTimeoutError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusCommunicationError,
    ServiceBusConnectionError,
    ServiceBusQuotaExceededError,
    ServiceBusServerBusyError,
)

from shared.errors import CertifyCloudsError, PermanentError, TransientError

UNREACHABLE: Final = (
    "{url} does not answer. Is the name right, and may this machine open port 5671 to it"
    " (or 443, with transport_type=TransportType.AmqpOverWebsocket)?"
)
ROLES: Final = "the role Azure Service Bus Data Receiver or Data Sender"
NOT_LET_IN: Final = (
    "{url} does not accept the credential for {entity}. With a connection string, compare"
    " SharedAccessKeyName and SharedAccessKey with the namespace's shared access policies;"
    f" with an identity, give it {ROLES}."
)
NOT_ALLOWED: Final = (
    "{url} knows the credential, but it may not use {entity}. Give the policy the claim Listen"
    f" or Send, or the identity {ROLES}."
)
UNIDENTIFIED: Final = (
    "There is no token for {url}. Does the workload have a managed identity, and is"
    " AZURE_CLIENT_ID set where it has several?"
)
MISSING: Final = (
    "{url} has no {entity}. Create the queue, topic or subscription, or correct the name."
)
FULL: Final = (
    "{entity} in {url} is full, or the namespace has too many connections. Consume what waits"
    " there and in its dead letters, or raise the entity's size."
)

# The first that fits counts.
SENTENCES: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (ServiceBusAuthenticationError, NOT_LET_IN),
    (ServiceBusAuthorizationError, NOT_ALLOWED),
    (ClientAuthenticationError, UNIDENTIFIED),
    (MessagingEntityNotFoundError, MISSING),
    (MessagingEntityDisabledError, "{entity} in {url} is disabled. Set its status to Active."),
    (ServiceBusQuotaExceededError, FULL),
    (ServiceBusServerBusyError, "{url} is busy with {entity}; it asks to try again later."),
    (ServiceBusConnectionError, UNREACHABLE),
    (ServiceBusCommunicationError, UNREACHABLE),
    (OperationTimeoutError, UNREACHABLE),
    (OSError, UNREACHABLE),
    (TimeoutError, UNREACHABLE),
)


def explained(error: BaseException, url: str, entity: str) -> CertifyCloudsError:
    """Return the product's error for one of the client's, to be raised from it.

    All but a message that is too large can succeed later: whoever repairs the namespace finds the
    messages waiting.
    """
    if isinstance(error, CertifyCloudsError):
        return error
    name = type(error).__name__
    if isinstance(error, MessageSizeExceededError):
        return PermanentError(
            f"The message is too large for {entity}. Send a reference to its content instead:"
            f" 256 kB is the limit of the Standard tier ({name})."
        )
    for kind, sentence in SENTENCES:
        if isinstance(error, kind):
            return TransientError(f"{sentence.format(url=url, entity=entity)} ({name})")
    return TransientError(f"{entity} in {url} failed with {name}; it is tried again.")
