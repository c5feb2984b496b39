"""The clouds' variables that services in the test's own process read."""

import pytest

from tests.support.sandbox import Sandbox, random_sandbox

__all__ = ["random_sandbox"]


@pytest.fixture
def cloud_variables(monkeypatch: pytest.MonkeyPatch, random_sandbox: Sandbox) -> None:
    """Point this process's managed identity at the sandbox."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", random_sandbox.ready["identity_endpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", random_sandbox.ready["identity_header"])
