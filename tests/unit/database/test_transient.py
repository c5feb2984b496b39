"""Which database errors are worth another try."""

import asyncpg
import pytest
from asyncpg.exceptions import InternalClientError

from shared.database import is_transient
from shared.database.transient import as_transient
from shared.errors import TransientError

PASSING = [
    OSError("no route to host"),
    ConnectionRefusedError(),
    ConnectionResetError(),
    TimeoutError(),
    TransientError("later"),
    asyncpg.PostgresConnectionError(),
    asyncpg.ConnectionDoesNotExistError(),
    asyncpg.ConnectionFailureError(),
    asyncpg.CannotConnectNowError(),
    asyncpg.AdminShutdownError(),
    asyncpg.CrashShutdownError(),
    asyncpg.TooManyConnectionsError(),
    asyncpg.ReadOnlySQLTransactionError(),
    asyncpg.DeadlockDetectedError(),
    asyncpg.SerializationError(),
    asyncpg.LockNotAvailableError(),
    asyncpg.QueryCanceledError(),
    asyncpg.IdleInTransactionSessionTimeoutError(),
    asyncpg.InvalidCachedStatementError(),
    asyncpg.InterfaceError("connection is closed"),
    InternalClientError("cannot switch to state 15"),
]
LASTING = [
    asyncpg.UniqueViolationError(),
    asyncpg.ForeignKeyViolationError(),
    asyncpg.CheckViolationError(),
    asyncpg.InsufficientPrivilegeError(),
    asyncpg.UndefinedTableError(),
    asyncpg.PostgresSyntaxError(),
    asyncpg.DataError(),
    asyncpg.InvalidPasswordError(),
    asyncpg.InvalidCatalogNameError(),
    asyncpg.exceptions._base.DataError("an int is needed"),
    asyncpg.exceptions.ClientConfigurationError("bad DSN"),
    ValueError(),
    KeyError(),
]


@pytest.mark.parametrize("error", PASSING, ids=lambda e: type(e).__name__)
def test_what_passes_by_itself_is_transient(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize("error", LASTING, ids=lambda e: type(e).__name__)
def test_a_fault_that_stays_is_not_transient(error: Exception) -> None:
    assert not is_transient(error)


def test_the_sentence_for_a_transient_error_repeats_nothing_of_the_statement() -> None:
    error = asyncpg.DeadlockDetectedError("Key (name)=(hunter2) …")

    assert "DeadlockDetectedError" in str(as_transient(error))
    assert "hunter2" not in str(as_transient(error))
