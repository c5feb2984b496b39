"""Runs schemathesis over the gateway's whole description: every phase, every check, stateful."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import schemathesis
from schemathesis.engine import events, from_schema

from tests.support import fuzz_checks
from tests.support.door import Door

SEED: Final = 20_261_130
HELD: Final = "2f8e3b52-6c1d-4c39-9a53-7d0b6f1f2a10"
# Which statuses are no failure of these two checks, where others are documented.
# Values that chance does not find, so that chains of requests get past the first one.
MEANT: Final = {
    "selector": ["name:kv-*", "sub:sub-a", "tag:team=pay"],
    "scope": ["name:kv-*", "sub:sub-a"],
    "credential_id": [HELD],
    "cron": ["0 */6 * * *", "15 3 * * 1"],
    "time_zone": ["UTC", "Europe/Berlin"],
    "password": ["a long walk along the harbour"],
    "username": ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan"],
}
NOT_BUILT: Final = ("/api/v1/syncs", "/api/v1/license")
REVISED: Final = "/api/v1/users/{user_id}"


@dataclass(frozen=True)
class Finding:
    """A check that failed, and the request that shows it."""

    check: str
    operation: str
    what: str
    request: str

    def __str__(self) -> str:
        return f"{self.check}: {self.operation}: {self.what}\n    {self.request}"


def fuzz(
    door: Door, description: dict[str, Any], *, who: str, token: str | None, examples: int
) -> list[Finding]:
    """Return what went wrong: one finding for each check and operation."""
    config = schemathesis.Config.from_dict(_config(who, token, examples))
    schema = schemathesis.openapi.from_dict(description, config=config)
    schema.app = door
    schema.hooks.register_hook_with_name(fuzz_checks.is_a_failure, "filter_failure")
    found = {(one.check, one.operation): one for one in _findings(schema)}
    return list(found.values())


def _config(who: str, token: str | None, examples: int) -> dict[str, Any]:
    """Bound by numbers, not by time: the same requests in the same order on every machine."""
    return {
        "seed": SEED,
        "workers": 1,
        "continue-on-failure": True,
        "headers": {"Authorization": f"Bearer {token}"} if token else {},
        "generation": {"deterministic": True, "database": "none", "max-examples": examples},
        "phases": {
            # What a path does not take is refused before anybody is asked who they are.
            "coverage": {} if who == "admin" else {"unexpected-methods": ["DELETE"]},
            "stateful": {"generation": {"max-examples": 4 * examples}},
        },
        "dictionaries": {name: {"values": values} for name, values in MEANT.items()},
        "parameters": {f"body.{name}": {"dictionary": name, "probability": 0.7} for name in MEANT},
        "checks": {"enabled": True, "RightsAreKept": {"enabled": True, "who": who}},
        "operations": [
            # 501 is what the description says of them.
            {
                "include-path": list(NOT_BUILT),
                "checks": {"not_a_server_error": {"expected-statuses": ["4xx", "501"]}},
            },
            # 412: somebody else's revision cannot be told from a right one by its form.
            {
                "include-path": REVISED,
                "checks": {
                    "positive_data_acceptance": {
                        "expected-statuses": ["2xx", "401", "403", "404", "409", "412"]
                    }
                },
            },
        ],
    }


def _findings(schema: Any) -> Iterator[Finding]:
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError):
            yield Finding("the engine", event.label, str(event.value), "")
        elif isinstance(event, events.FatalError):
            raise event.exception
        elif isinstance(event, events.ScenarioFinished):
            yield from _failed(event)


def _failed(event: events.ScenarioFinished) -> Iterator[Finding]:
    for case_id, nodes in event.recorder.checks.items():
        operation = event.recorder.cases[case_id].value.operation.label
        for node in nodes:
            if node.failure_info:
                failure = node.failure_info.failure
                what = f"{failure.title}: {failure.message}"
                yield Finding(node.name, operation, what, node.failure_info.code_sample)
