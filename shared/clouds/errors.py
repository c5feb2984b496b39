"""What a cloud, or the way to it, did not give us.

`str(error)` is a sentence about what happened, `error.remedy` says what a person does about it, and
the class says whether trying again can help. No text of a cloud's answer is repeated: an answer may
echo what was sent, so only error codes of a known form are.
"""

from enum import StrEnum

from shared.errors import CertifyCloudsError, PermanentError, TransientError


class CloudError(CertifyCloudsError):
    """The root of everything that talking to a cloud raises."""

    def __init__(self, message: str, *, remedy: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.retry_after = retry_after


class ThrottledError(CloudError, TransientError):
    """The cloud asked to slow down; `retry_after` is the wait in seconds that it named."""


class TimedOutError(CloudError, TransientError):
    """No answer came within the deadline."""


class UnavailableError(CloudError, TransientError):
    """The service failed, or the connection to it did."""


class UnresolvedError(UnavailableError):
    """The host's name could not be resolved."""


class IdentityUnavailableError(CloudError, TransientError):
    """No token could be had just now."""


class IdentityRefusedError(CloudError, PermanentError):
    """Entra, or the machine's identity endpoint, refuses to issue a token to this identity."""


class Denial(StrEnum):
    """Why access was denied, as far as the answer tells."""

    ROLE = "role"
    ACCESS_POLICY = "access_policy"
    TOKEN = "token"  # noqa: S105 - a word, not a value
    UNKNOWN = "unknown"


class AccessDeniedError(CloudError, PermanentError):
    """The service knows who we are and says no; or it does not accept who we are."""

    def __init__(self, message: str, *, denial: Denial, remedy: str) -> None:
        super().__init__(message, remedy=remedy)
        self.denial = denial


class FirewalledError(CloudError, PermanentError):
    """The vault does not accept connections from this network."""


class NotFoundError(CloudError, PermanentError):
    """What was asked for does not exist."""


class RejectedError(CloudError, PermanentError):
    """A limit, or a rule of its owner, stands against the change; it was not made."""


class AlteredError(CloudError, PermanentError):
    """What was written is not what stands there now: something on the way changed it."""


class UnexpectedAnswerError(CloudError, PermanentError):
    """The answer has a form that cannot be understood, so nothing is concluded from it."""


class ForeignHostError(CloudError, PermanentError):
    """A request would have taken a token to a host outside the cloud; it was not sent."""


class BlindnessError(CloudError, PermanentError):
    """A request that this service must never make was stopped before a byte was sent."""
