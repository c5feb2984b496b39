"""Authenticated clients for Azure and what their failures mean; no business.

Everything that talks to a cloud is built here: the session, the credential and the pipelines.
"""

from shared.clouds.client import CloudClient
from shared.clouds.credential import SingleFlightCredential
from shared.clouds.gate import Gate, OpenGate
from shared.clouds.guards import AllowedPaths, Guard, HostGuard
from shared.clouds.identity import make_source
from shared.clouds.paging import pages
from shared.clouds.session import CloudSession, GuardedTransport, Timeouts, open_session
from shared.clouds.settings import CloudSettings, Identity, cloud_settings, from_variables

__all__ = [
    "AllowedPaths",
    "CloudClient",
    "CloudSession",
    "CloudSettings",
    "Gate",
    "Guard",
    "GuardedTransport",
    "HostGuard",
    "Identity",
    "OpenGate",
    "SingleFlightCredential",
    "Timeouts",
    "cloud_settings",
    "from_variables",
    "make_source",
    "open_session",
    "pages",
]
