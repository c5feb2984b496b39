"""Random histories of credentials, and a naive model of which expiries are to be announced.

Written apart from the product on purpose: the model looks at every credential in every sweep and
knows nothing of due times, windows, fingerprints or stored rows.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, TypeAlias

from services.scanner.domain.inventory import Item
from shared.events.scanning import ThresholdScope
from tests.support.scanner import a_credential, an_item

START: Final = datetime(2026, 3, 20, 9, tzinfo=UTC)
"""Nine days before European clocks go forward; histories run over both changes of a year."""
DAY: Final = timedelta(days=1)
STEPS: Final = (60, 30, 14, 7, 3, 1, 0)
JUMPS: Final = (
    *(timedelta(hours=1), -timedelta(hours=1), DAY, -DAY),
    *(timedelta(minutes=1), 2 * DAY, 3 * DAY, 7 * DAY, 16 * DAY, 40 * DAY),
    *(3652 * DAY, -3652 * DAY),
)
ENDS: Final = (-3, 0, 1, 2, 3, 5, 7, 10, 14, 20, 30, 45, 60, 75, 89, 120, 400)
RULES: Final = ((90, 30), (45, 10), (30, 7), (20, 5), (10, 2), None)

Scope: TypeAlias = tuple[ThresholdScope, str]
Alter: TypeAlias = Callable[[Item], Item]
Told: TypeAlias = tuple[str, datetime, int]
"""Whose end, which end, which step."""


def logical(item: Item) -> str:
    """Return the name of what somebody would renew."""
    if item.application is None:
        return item.external_id
    return f"{item.application.object_id}/{item.kind}/{item.name}"


@dataclass
class Model:
    """What is there, by whatever clock, and what was told."""

    held: dict[str, Item] = field(default_factory=dict)
    rules: dict[Scope, tuple[int, int]] = field(default_factory=dict)
    passed: set[Told] = field(default_factory=set)

    def sweep(self, now: datetime) -> set[Told]:
        """Return what is to be told now, and remember it as told."""
        found = {told for item in self.held.values() if (told := self._due(item, now)) is not None}
        self.passed |= found
        return found

    def _due(self, item: Item, now: datetime) -> Told | None:
        end, name = item.expires_on, logical(item)
        if end is None or item.managed or not usable(item, now) or self._newer(item, now):
            return None
        reached = [step for step in self._steps(item) if end - timedelta(days=step) <= now]
        told = [step for whose, which, step in self.passed if (whose, which) == (name, end)]
        if not reached or (told and min(told) <= min(reached)):
            return None
        return name, end, min(reached)

    def _newer(self, item: Item, now: datetime) -> bool:
        return any(
            age(other) > age(item)
            for other in self.held.values()
            if logical(other) == logical(item) and usable(other, now)
        )

    def _steps(self, item: Item) -> set[int]:
        days = (30, 7)
        tags = [f"{key}={text}" for key, text in item.tags.items()]
        for scope in ThresholdScope:
            of_tags = [rule for (s, n), rule in self.rules.items() if s == scope and n in tags]
            if scope is ThresholdScope.TAG and of_tags:
                days = max(of_tags)
            elif scope is ThresholdScope.VAULT and item.application is None:
                days = self.rules.get((scope, "kv-pay"), days)
            elif scope is ThresholdScope.SUBSCRIPTION and item.application is None:
                days = self.rules.get((scope, "sub-east"), days)
            elif scope is ThresholdScope.GLOBAL:
                days = self.rules.get((scope, ""), days)
        return set(STEPS) | set(days)


def usable(item: Item, now: datetime) -> bool:
    return item.enabled and (item.not_before is None or item.not_before <= now)


def age(item: Item) -> tuple[datetime, datetime, str]:
    start = item.not_before or item.created_on
    assert start is not None
    return start, item.expires_on or datetime(9999, 1, 1, tzinfo=UTC), item.external_id


@dataclass
class Change:
    """One thing that happened; `scope` and `days` are a changed rule's."""

    what: str
    scope: Scope | None = None
    days: tuple[int, int] | None = None


class History:
    """Makes up what happens next. The same seed makes the same history."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)  # noqa: S311 - histories that can be had again, no secrets
        self.model = Model()
        self.gone: dict[str, Item] = {}
        self.now = START
        self.count = 0
        self.acts = self._theme(seed % 3)

    def next(self) -> Change:
        """Let one thing happen to the model's credentials, its rules or its clock."""
        return self.dice.choice(self.acts)()

    def _theme(self, number: int) -> tuple[Callable[[], Change], ...]:
        """Return what happens most: a bit of all, successions of credentials, changes of rules."""
        usual = (self._appear, self._renew, self._forth_and_back, self._toggle, self._remove)
        usual = (*usual, self._restore, self._clock, self._clock)
        return (
            (*usual, self._appear, self._rule, self._succeed),
            (self._succeed, self._remove, self._succeed, self._restore, self._clock, self._years),
            (*usual, self._rule, self._rule, self._rule, self._appear),
        )[number]

    def _appear(self) -> Change:
        self.count += 1
        tags = {key: "yes" for key in ("gold", "iron") if self.dice.random() < 0.5}
        item = an_item(
            f"s{self.count}",
            created_on=START - 300 * DAY,
            expires_on=self._end(),
            not_before=self._start(),
            tags=tags,
            managed=self.dice.random() < 0.1,
            enabled=self.dice.random() < 0.85,
        )
        return self._hold(item, f"{item.name} appears")

    def _succeed(self) -> Change:
        """A credential of an application is added beside those that it has."""
        self.count += 1
        end = self.dice.choice(self._ends() or [self._end()])
        item = a_credential(
            f"k{self.count:03}",
            app=self.dice.choice(("payments", "payments", "billing")),
            not_before=self._start() or START - self.dice.randrange(200) * DAY,
            expires_on=end if self.dice.random() < 0.5 else self._end(),
        )
        return self._hold(item, f"{item.external_id} succeeds")

    def _renew(self) -> Change:
        return self._alter("renewed", lambda item: replace(item, expires_on=self._end()))

    def _forth_and_back(self) -> Change:
        """An expiry that somebody had before comes back."""
        ends = self._ends()
        if not ends:
            return self._appear()
        return self._alter(
            "moved back", lambda item: replace(item, expires_on=self.dice.choice(ends))
        )

    def _toggle(self) -> Change:
        return self._alter("toggled", lambda item: replace(item, enabled=not item.enabled))

    def _remove(self) -> Change:
        if not self.model.held:
            return self._appear()
        item = self.model.held.pop(self.dice.choice(sorted(self.model.held)))
        self.gone[item.external_id] = item
        return Change(f"{item.external_id} is removed")

    def _restore(self) -> Change:
        if not self.gone:
            return self._appear()
        item = self.gone.pop(self.dice.choice(sorted(self.gone)))
        return self._hold(item, f"{item.external_id} is restored")

    def _rule(self) -> Change:
        scope: Scope = self.dice.choice(
            (
                (ThresholdScope.GLOBAL, ""),
                (ThresholdScope.SUBSCRIPTION, "sub-east"),
                (ThresholdScope.VAULT, "kv-pay"),
                (ThresholdScope.TAG, "gold=yes"),
                (ThresholdScope.TAG, "iron=yes"),
            )
        )
        days = self.dice.choice(RULES)
        self.model.rules.pop(scope, None)
        if days:
            self.model.rules[scope] = days
        return Change(f"rule {scope} {days}", scope, days)

    def _clock(self) -> Change:
        jump = self.dice.choice(JUMPS)
        self.now += jump
        return Change(f"the clock jumps {jump} to {self.now}")

    def _years(self) -> Change:
        """The clock goes ten years ahead, or comes back from there."""
        jump = 3652 * DAY
        self.now += -jump if self.now - START > jump / 2 else jump
        return Change(f"the clock jumps to {self.now}")

    def _hold(self, item: Item, what: str) -> Change:
        self.model.held[item.external_id] = item
        return Change(f"{what}: {item.not_before} to {item.expires_on}, {item.enabled}")

    def _alter(self, what: str, change: Alter) -> Change:
        if not self.model.held:
            return self._appear()
        name = self.dice.choice(sorted(self.model.held))
        return self._hold(change(self.model.held[name]), f"{name} is {what}")

    def _end(self) -> datetime | None:
        if self.dice.random() < 0.1:
            return None
        return self._near() + self.dice.choice(ENDS) * DAY + timedelta(hours=self.dice.randrange(3))

    def _start(self) -> datetime | None:
        return None if self.dice.random() < 0.7 else self._near() + self.dice.randrange(-3, 9) * DAY

    def _near(self) -> datetime:
        """Return the clock's time, or what it will be when a jump of years is over."""
        return self.now if self.dice.random() < 0.8 else START + self.dice.randrange(60) * DAY

    def _ends(self) -> list[datetime]:
        known = [*self.model.held.values(), *self.gone.values()]
        return sorted({item.expires_on for item in known if item.expires_on})
