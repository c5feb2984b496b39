"""The steps of a request for Azure's own typed clients, on our connections.

A client of Azure's takes them as `policies`, in the place of its own. So it sends its token at once
(its own would ask a vault for a challenge first, and keep that for the whole process), waits as it
is told to, repeats reads only, and writes no log of its requests.
"""

from collections.abc import Sequence
from typing import Any

from azure.core.pipeline import policies

from shared.clouds.credential import SingleFlightCredential
from shared.clouds.guards import GuardPolicy
from shared.clouds.policies import BearerPolicy, PatientRetryPolicy, TokenPolicy
from shared.clouds.session import GuardedTransport


def steps(
    transport: GuardedTransport, credential: SingleFlightCredential, scope: str
) -> Sequence[Any]:
    """Return the steps in their order, for a client that sends over this transport."""
    return [
        GuardPolicy(transport.guards),
        policies.RequestIdPolicy(),
        policies.UserAgentPolicy(base_user_agent="certifyclouds"),
        PatientRetryPolicy(),
        TokenPolicy(credential, scope),
        BearerPolicy(credential, scope),
    ]
