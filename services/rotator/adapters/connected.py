"""What every driver is made of."""

from dataclasses import dataclass

from shared.clock import Clock
from shared.clouds import CloudSession, SingleFlightCredential


@dataclass(frozen=True, slots=True)
class Connected:
    """The connections to a cloud, the identity that rotates, and the time."""

    session: CloudSession
    credential: SingleFlightCredential
    clock: Clock
