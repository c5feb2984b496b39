"""A folder in which a test may start embedded servers of its own."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def state() -> Iterator[Path]:
    """An empty state folder that root's unprivileged account may enter."""
    with tempfile.TemporaryDirectory(prefix="certifyclouds-test-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)
