"""What a benchmark says: one JSON line with its figures, its bounds, and whether they hold."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The most or the least that a figure of the line may be."""

    figure: str
    most: float | None = None
    least: float | None = None

    def __str__(self) -> str:
        parts = [f">= {self.least:g}"] if self.least is not None else []
        parts += [f"<= {self.most:g}"] if self.most is not None else []
        return f"{self.figure} {' and '.join(parts)}"

    def holds(self, figures: Mapping[str, Any]) -> bool:
        """Say whether the figure is there, is a number, and is within the bound."""
        value = figures.get(self.figure)
        if not isinstance(value, int | float) or not math.isfinite(value):
            return False
        return (self.most is None or value <= self.most) and (
            self.least is None or value >= self.least
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One benchmark's result. `ours` and `reference` are of one run and in `unit`.

    `broken` holds a sentence for each promise besides the bounds that did not hold.
    """

    bench: str
    ours: float
    reference: float | None
    unit: str
    what: str
    bounds: Sequence[Bound] = ()
    broken: Sequence[str] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Return ours over the reference; None without one."""
        return self.ours / self.reference if self.reference else None

    def missed(self) -> list[str]:
        """Return what did not hold, as sentences."""
        known = self._figures()
        missed = [f"{bound} is missed" for bound in self.bounds if not bound.holds(known)]
        return [*missed, *self.broken]

    def document(self) -> dict[str, Any]:
        """Return the line as it is printed; `load` is the machine's load average now."""
        missed = self.missed()
        head: dict[str, Any] = self._figures() | {
            "bench": self.bench,
            "unit": self.unit,
            "goal": ", ".join(map(str, self.bounds)),
            "ok": not missed,
            "what": self.what,
            "missed": missed,
            "load": os.getloadavg()[0],
        }
        first = ("bench", "ours", "reference", "ratio", "unit", "goal", "ok", "missed", "what")
        ordered = {name: head[name] for name in first} | head
        return {name: _short(value) for name, value in ordered.items()}

    def text(self) -> str:
        return orjson.dumps(self.document()).decode()

    def _figures(self) -> dict[str, Any]:
        plain = {"ours": self.ours, "reference": self.reference, "ratio": self.ratio}
        return {**self.figures, **plain}


def _short(value: object) -> object:
    """Round to four significant digits: more is noise."""
    if isinstance(value, float) and math.isfinite(value) and value:
        return round(value, _DIGITS - 1 - math.floor(math.log10(abs(value))))
    if isinstance(value, Mapping):
        return {key: _short(inner) for key, inner in value.items()}
    return value


def exit_code(lines: Sequence[Line], failures: Sequence[str]) -> int:
    """Return 0 when something was measured and everything held, else 1."""
    return 0 if lines and not failures and not any(line.missed() for line in lines) else 1


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of all values does not exceed (nearest rank).

    Raises `ValueError` for no values.
    """
    if not values:
        raise ValueError("There is no percentile of nothing.")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
