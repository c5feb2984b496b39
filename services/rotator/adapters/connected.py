"""What every driver is made of."""

from dataclasses import dataclass

from shared.clock import Clock
from shared.clouds import CloudSession, SingleFlightCredential
from shared.crypto import DataKey


@dataclass(frozen=True, slots=True)
class Connected:
    """The connections to a cloud, the identity that rotates, and the time.

    `fingerprints` is the installation's key by which values are told apart without being kept.
    """

    session: CloudSession
    credential: SingleFlightCredential
    clock: Clock
    fingerprints: DataKey
