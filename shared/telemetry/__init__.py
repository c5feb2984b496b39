"""Logs, metrics and traces: how a service tells what it does."""

from shared.telemetry.logs import configure_logging, get_logger
from shared.telemetry.traces import make_tracer_provider

__all__ = ["configure_logging", "get_logger", "make_tracer_provider"]
