"""FastStream's log lines for this broker, with the entity in a column."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from faststream._internal.logger import DefaultLoggerStorage, make_logger_state
from faststream._internal.logger.logging import get_broker_logger

if TYPE_CHECKING:
    from faststream._internal.basic_types import LoggerProto
    from faststream._internal.context import ContextRepo


class ServiceBusParamsStorage(DefaultLoggerStorage):
    """Knows how wide the column of entities must be."""

    def __init__(self) -> None:
        super().__init__()
        self._width = len("entity")
        self.logger_log_level = logging.INFO

    def set_level(self, level: int) -> None:
        self.logger_log_level = level

    def register_subscriber(self, params: dict[str, Any]) -> None:
        self._width = max(self._width, len(params.get("entity", "")))

    def get_logger(self, *, context: ContextRepo) -> LoggerProto:
        logger = self._get_logger_ref()
        if not logger:
            logger = get_broker_logger(
                name="servicebus",
                default_context={"entity": ""},
                message_id_ln=10,
                fmt=(
                    "%(asctime)s %(levelname)-8s - "
                    f"%(entity)-{self._width}s | %(message_id)-10s - %(message)s"
                ),
                context=context,
                log_level=self.logger_log_level,
            )
            self._logger_ref.add(logger)
        return logger


make_servicebus_logger_state = partial(
    make_logger_state, default_storage_cls=ServiceBusParamsStorage
)
