"""What may leave this process: to which hosts, and which requests.

A guard stands twice: at the front of the pipeline, so that no token is even asked for, and in the
transport itself, so that no other client built on that transport gets past it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy

from shared.clouds.errors import BlindnessError, ForeignHostError
from shared.clouds.urls import parse

_PART: Final = re.compile(r"\{(\w+)\}")
_SEGMENT: Final = "[A-Za-z0-9-]+"
# Azure Resource Manager, "Naming rules": a resource group's name may hold letters of any alphabet.
# A tenant is named by its id or by one of its domains.
_SEGMENTS: Final = {
    "group": r"(?:[A-Za-z0-9._()-]|%[89A-F][0-9A-F])+",
    "tenant": "[A-Za-z0-9.-]+",
    "rule": "[A-Za-z0-9._-]+",
}


class Guard(Protocol):
    """Decides whether a request may be sent."""

    def check(self, method: str, url: str) -> None:
        """Raise an error of `shared.clouds.errors` if it may not."""
        ...


@dataclass(frozen=True, slots=True)
class HostGuard:
    """Lets requests through to one kind of host only, so that a token goes nowhere else."""

    owns: Callable[[str], bool]

    def check(self, method: str, url: str) -> None:  # noqa: ARG002 - any method is guarded alike
        if not self.owns(url):
            raise ForeignHostError(
                f"A request to {host_of(url)} was not sent: it would carry a token to a host"
                " outside this cloud.",
                remedy="Check the vault's address, and that CLOUD names the cloud it belongs to.",
            )


class AllowedPaths:
    """Lets only listed requests through, written as `GET /secrets` or `GET /things/{id}/parts`.

    A `{part}` stands for one path segment of letters, digits and hyphens, `{group}` for a resource
    group's name, `{tenant}` for a tenant's, `{rule}` for an authorization rule's. The path that
    counts is the one the transport would send, after its own normalisation.
    """

    __slots__ = ("_allowed", "_patterns")

    def __init__(self, *allowed: str) -> None:
        self._allowed = allowed
        self._patterns = [_pattern(line) for line in allowed]

    def __repr__(self) -> str:
        return f"AllowedPaths{self._allowed!r}"

    def check(self, method: str, url: str) -> None:
        parsed = parse(url)
        line = f"{method} {parsed.raw_path}" if parsed else f"{method} (an unreadable address)"
        if not any(pattern.fullmatch(line) for pattern in self._patterns):
            raise BlindnessError(
                f"{line} was not sent: it is none of the requests that this service may make.",
                remedy="This is a defect in CertifyClouds; please report it.",
            )


class GuardPolicy(SansIOHTTPPolicy[Any, Any]):
    """Asks the guards before anything else in the pipeline happens."""

    def __init__(self, guards: tuple[Guard, ...]) -> None:
        super().__init__()
        self._guards = guards

    def on_request(self, request: PipelineRequest[Any]) -> None:
        for guard in self._guards:
            guard.check(request.http_request.method, request.http_request.url)


def host_of(url: str) -> str:
    """Return the host for a message; nothing else of the address, which may carry anything."""
    parsed = parse(url)
    return (parsed.raw_host if parsed else None) or "an unreadable address"


def _pattern(line: str) -> re.Pattern[str]:
    """Azure compares paths without regard to case; so does this."""
    texts, names = _PART.split(line)[::2], _PART.findall(line)
    parts = [_SEGMENTS.get(name, _SEGMENT) for name in names]
    written = [
        part for pair in zip(map(re.escape, texts), [*parts, ""], strict=True) for part in pair
    ]
    return re.compile("".join(written), re.IGNORECASE)
