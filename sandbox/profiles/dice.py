"""Chance that repeats itself: the same seed, the same throws."""

import random
import uuid
from collections.abc import Sequence
from typing import Final, TypeVar

Choice = TypeVar("Choice")
DAY: Final = 86_400
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789~_."


class Dice:
    """Throws for one estate; not for anything that must be secret."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)  # noqa: S311 - it must repeat; nothing here is secret

    def guid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def version_id(self) -> str:
        return f"{self._random.getrandbits(128):032x}"

    def octets(self, length: int) -> bytes:
        return self._random.randbytes(length)

    def integer(self, least: int, most: int) -> int:
        return self._random.randint(least, most)

    def seconds(self, least_days: float, most_days: float) -> int:
        """Return a span between so many days."""
        return self._random.randint(int(least_days * DAY), int(most_days * DAY))

    def chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def share(self) -> float:
        return self._random.random()

    def weight(self) -> float:
        """Return a weight as sizes are spread in life: many small ones, a few large."""
        return self._random.lognormvariate(0.0, 0.9)

    def pick(self, choices: Sequence[Choice]) -> Choice:
        return self._random.choice(choices)

    def pick_weighted(self, choices: Sequence[tuple[Choice, float]]) -> Choice:
        values = [value for value, _ in choices]
        return self._random.choices(values, [weight for _, weight in choices])[0]

    def some(self, choices: Sequence[Choice], count: int) -> list[Choice]:
        return self._random.sample(choices, min(count, len(choices)))

    def text(self, length: int) -> str:
        """Return letters that look like a secret."""
        return "".join(self._random.choices(_LETTERS, k=length))
