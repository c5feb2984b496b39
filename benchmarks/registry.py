"""Which benchmarks there are. A new one is a module of its own and a line here."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Final, TypeAlias

from benchmarks.lines import Line

Wanted: TypeAlias = Callable[[str], bool]
Bench: TypeAlias = Callable[[Wanted], AsyncIterator[Line]]


@dataclass(frozen=True, slots=True)
class Entry:
    """Benchmarks that are measured together, and the function that does it.

    Its module is imported only when one of them is asked for.
    """

    names: tuple[str, ...]
    module: str
    function: str
    seconds: float

    def load(self) -> Bench:
        found: Bench = getattr(import_module(self.module), self.function)
        return found


_PAGES: Final = tuple(
    f"inventory-page-{by}{scope}"
    for by in (
        "expiry", "vault", "subscription", "tag", "prefix", "name", "changed", "disabled",
        "not-yet-active", "no-expiry", "expired", "critical", "warning", "healthy",
    )
    for scope in ("", "-scoped")
)  # fmt: skip
_BUS: Final = tuple(
    f"bus-{figure}-{kind}"
    for kind in ("postgresql", "rabbitmq", "servicebus")
    for figure in ("latency", "throughput", "stop")
)
ENTRIES: Final = (
    Entry(("discovery-B",), "benchmarks.discovery", "world_b", 600),
    Entry(("discovery-C",), "benchmarks.discovery", "world_c", 1200),
    Entry(("discovery-rescan",), "benchmarks.rescan", "rescan", 600),
    Entry(("discovery-faults",), "benchmarks.faults", "faults", 900),
    Entry(("ingest-new", "ingest-unchanged"), "benchmarks.ingest", "ingest", 600),
    Entry(_BUS, "benchmarks.bus", "bus", 1200),
    Entry((*_PAGES, "inventory-overview"), "benchmarks.inventory", "pages", 1200),
    Entry(("gateway-health", "gateway-read", "gateway-page"), "benchmarks.answers", "answers", 300),
    Entry(
        ("gateway-login-unknown", "gateway-login-locked"), "benchmarks.sign_ins", "sign_ins", 300
    ),
)


def wanted_by(only: str) -> Wanted:
    """Return the test for the names that `only` asks for: patterns with commas, all for nothing."""
    patterns = [pattern.strip() for pattern in only.split(",") if pattern.strip()]
    return lambda name: not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def chosen(wanted: Wanted, entries: Sequence[Entry] = ENTRIES) -> list[Entry]:
    """Return the entries that hold a wanted benchmark.

    Raises `ValueError` with the known names when there is none.
    """
    found = [entry for entry in entries if any(map(wanted, entry.names))]
    if not found:
        known = ", ".join(name for entry in entries for name in entry.names)
        raise ValueError(f"There is no such benchmark. There are: {known}.")
    return found
