"""Telling of a failure that the bus lives with."""

from __future__ import annotations

from structlog.stdlib import BoundLogger

from shared.bus.retry import describe
from shared.database.transient import is_transient


def tell(logger: BoundLogger, what: str, error: BaseException, **fields: object) -> None:
    """Log what happened: weather in one line, anything else with its traceback."""
    fault = None if is_transient(error) else error
    logger.warning(what, error=describe(error), exc_info=fault, **fields)
