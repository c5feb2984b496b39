"""Which database errors pass by themselves.

Fail-overs, restarts, full connection slots and lost races are weather: the same transaction, run
again from its start, succeeds. Everything else is a fault to be seen.
"""

import ssl
from typing import Final

import asyncpg
from asyncpg.exceptions import InternalClientError

from shared.errors import TransientError

DATABASE_ERRORS: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    InternalClientError,
    ConnectionError,
    TimeoutError,
)
DISK_FULL: Final = (
    "The database has no disk space left (SQLSTATE 53100): nothing can be stored. Free space on the"
    " volume of PostgreSQL's data or enlarge it; work then goes on by itself."
)
UNPROVEN: Final = "Not connected: the database's certificate does not prove who it is"
UNPROVEN_REMEDY: Final = (
    "DATABASE_URL must have the name that the certificate is for; an authority of your own is told"
    " by sslrootcert=FILE in it."
)
_TRANSIENT: Final = (
    OSError,
    TimeoutError,
    TransientError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    # Somebody has to free space; until then what is tried again is not lost.
    asyncpg.DiskFullError,
    # The server that we hold became a standby: the next connection finds the new primary.
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    # A cached plan met a migrated table; asyncpg prepares anew on the next try.
    asyncpg.InvalidCachedStatementError,
    # A connection that died between two statements of a transaction shows as either of these.
    asyncpg.InterfaceError,
    InternalClientError,
)


def is_transient(error: BaseException) -> bool:
    """Say whether running the whole transaction again may succeed.

    The commit of the failed attempt may have happened: what is run again must be idempotent.
    """
    # asyncpg's own complaints about a wrong argument are both InterfaceError and ValueError.
    wrong_use = isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError)
    return isinstance(error, _TRANSIENT) and not wrong_use


def as_transient(error: BaseException) -> TransientError:
    """Return the sentence for a transient error; statements and parameters stay out of it."""
    if isinstance(error, asyncpg.DiskFullError):
        return TransientError(DISK_FULL)
    if isinstance(error, ssl.SSLCertVerificationError):
        return TransientError(f"{UNPROVEN} ({error.verify_message}). {UNPROVEN_REMEDY}")
    return TransientError(
        f"The database could not do it just now ({type(error).__name__}); it is tried again."
    )
