"""The clouds' variables that services in the test's own process read."""

import pytest

from tests.support.sandbox import Sandbox


@pytest.fixture
def cloud_variables(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    """Point this process's managed identity at the sandbox."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", sandbox.ready["identity_endpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", sandbox.ready["identity_header"])
