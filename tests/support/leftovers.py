"""What the Service Bus client leaves behind when a connection is torn down."""

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

# While such a test runs the collector may find a forgotten socket by itself.
bears_leftovers: Final = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@contextmanager
def leftovers_collected() -> Iterator[None]:
    """Collect the client's forgotten sockets at the end, while their event loop still runs.

    The client closes no socket of a connection that broke. Collected later, each would be told as
    the fault of whatever test runs then.
    """
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
