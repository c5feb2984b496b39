"""A sandbox of its own for what changes applications: other tests compare theirs with the first."""

from collections.abc import Iterator

import pytest

from tests.support.rotated import Applications
from tests.support.sandbox import Sandbox, Way, running_sandbox


@pytest.fixture(scope="package")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Serve the estate `demo`."""
    with running_sandbox(tmp_path_factory.mktemp("credentials")) as running:
        yield running


@pytest.fixture
def graph(way: Way) -> Applications:
    """Change applications as the identity that rotates."""
    return Applications(way)
