"""Errors that say whether trying again can help.

The bus retries a `TransientError` with a growing delay and sends a `PermanentError` straight to the
dead letters. Every message is a sentence that a person can act on.
"""


class CertifyCloudsError(Exception):
    """The root of every error that this product raises on purpose.

    `remedy` is the sentence on what to do, where it is known and the message does not say it.
    """

    remedy: str = ""


class TransientError(CertifyCloudsError):
    """Trying again later may succeed; `retry_after` is the wait in seconds where it is known."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PermanentError(CertifyCloudsError):
    """Trying again gives the same answer until somebody changes something."""


class SettingsError(PermanentError):
    """The process was configured wrongly; it must not start."""


class SchemaError(PermanentError):
    """The database's schema and this code do not fit together."""
