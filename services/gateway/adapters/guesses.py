"""How many guesses a password would take, after zxcvbn (Wheeler, USENIX Security 2016).

It knows 30,000 common passwords, names, words, dates, keyboard walks, repeats and their usual
disguises, and asks nobody: all its lists are on this machine.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

# It takes time with the square of the length: this many characters take up to 0.3 s of CPU.
_LONGEST: Final = 72


class Zxcvbn:
    """Implements `ports.GuessCounter`; the lists, about 10 MiB, are read when first asked."""

    async def guesses(self, password: str, *, context: Iterable[str]) -> float:
        return await asyncio.to_thread(_guesses, password[:_LONGEST], list(context))


def _guesses(password: str, context: list[str]) -> float:
    from zxcvbn import zxcvbn  # noqa: PLC0415 - a seventh of a second that a start need not take

    return float(zxcvbn(password, user_inputs=context)["guesses"])
