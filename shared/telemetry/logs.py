"""Structured logs with redaction: one JSON object a line, or coloured lines for a terminal.

Every record, ours or a library's, passes through `redact`. It is the last net, not the first:
values do not reach a log call in the first place, because they travel as `SecretValue`.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TextIO

import structlog
from structlog.stdlib import BoundLogger, ProcessorFormatter
from structlog.typing import Processor

REDACTED: Final = "[redacted]"

_NAMES: Final = re.compile(
    r"(?i)(password|passwd|secret_?value|secret_?key|secret_?text|client_?secret|token|authorization"
    r"|cookie|api_?key|private_?key|credential_?value|connection_?string|database_url|bus_url)$"
)
_PATTERNS: Final = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), r"\1 " + REDACTED),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), REDACTED),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@]+):[^\s@]+@"), r"\1:" + REDACTED + "@"),
    (
        re.compile(r"(?i)((?:sig|sharedaccesskey|client_secret|password)=)[^&;\s]+"),
        r"\1" + REDACTED,
    ),
)


def scrub(text: str) -> str:
    """Return the text without bearer tokens, JWTs, passwords in addresses and signed parameters."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _clean(name: str, value: object) -> object:
    if _NAMES.search(name):
        return REDACTED
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, Mapping):
        return {key: _clean(str(key), inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean("", inner) for inner in value]
    return value


def redact(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace what looks like a secret, by the field's name and by the value's form."""
    return {name: _clean(name, value) for name, value in event.items()}


def _trace(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the current trace's id, so that a log line leads to its trace."""
    from opentelemetry import trace  # noqa: PLC0415 - only a service that logs pays for the import

    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
    return event


_SHARED: Final[tuple[Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _trace,
    structlog.processors.format_exc_info,
    redact,
)

_QUIET: Final = ("azure", "aiormq", "aio_pika", "httpx", "uvicorn.access", "alembic", "asyncio")


def configure_logging(level: str, form: str = "json", stream: TextIO | None = None) -> None:
    """Send every record of this process to `stream` (standard error) in one form."""
    renderer: Processor = (
        structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer()
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # What it warns of comes to us as an error, and is told once in our words.
    logging.getLogger("azure.identity").setLevel(logging.ERROR)
    structlog.configure(
        processors=[*_SHARED, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> BoundLogger:
    """Return the logger of a module; what is bound to the context goes with every line."""
    logger: BoundLogger = structlog.stdlib.get_logger(name)
    return logger
