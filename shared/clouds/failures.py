"""What it means when no answer came at all."""

import asyncio
import ssl
import zlib
from typing import Final

import aiohttp
from azure.core.exceptions import AzureError

from shared.clouds.deeds import What, deed
from shared.clouds.errors import (
    CloudError,
    TimedOutError,
    UnavailableError,
    UnexpectedAnswerError,
    UnresolvedError,
)

FAILURES: Final = (AzureError, aiohttp.ClientError, OSError, asyncio.TimeoutError, zlib.error)
_DEPTH: Final = 8


def failure(what: What, host: str, error: BaseException) -> CloudError:
    """Return our error for a request to `host` that failed on its way; `what` as in `refusal`."""
    causes = list(_causes(error))
    not_done = deed(what).not_done
    if _any(causes, aiohttp.ClientConnectorDNSError):
        return UnresolvedError(
            f"The name {host} could not be resolved, so {not_done}.",
            remedy="Check that it still exists, and this network's DNS (private endpoints have"
            " their own zone).",
        )
    if _any(causes, ssl.SSLCertVerificationError, aiohttp.ClientConnectorCertificateError):
        return UnexpectedAnswerError(
            f"The certificate of {host} is not one to trust, so {not_done}.",
            remedy="Check that CLOUD and CLOUD_ADDRESSES name the right cloud. If a proxy opens TLS"
            " in this network, set SSL_CERT_FILE to its CA.",
        )
    if _any(causes, asyncio.TimeoutError):
        return TimedOutError(
            f"{host} did not answer in time, so {not_done}.",
            remedy="It is tried again later; check the way there (firewall, private endpoint).",
        )
    if _any(causes, zlib.error):
        return UnexpectedAnswerError(
            f"The answer of {host} could not be unpacked, so {not_done}.",
            remedy="Check that nothing between here and Azure changes answers (a proxy).",
        )
    return UnavailableError(
        f"The connection to {host} failed, so {not_done}.",
        remedy="It is tried again later; check the way there (firewall, private endpoint).",
    )


def _any(causes: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def _causes(error: BaseException) -> list[BaseException]:
    """Return the error and what led to it; azure-core keeps that in `inner_exception`."""
    found: list[BaseException] = []
    part: BaseException | None = error
    while part is not None and len(found) < _DEPTH:
        found.append(part)
        part = getattr(part, "inner_exception", None) or part.__cause__
    return found
