"""Where a simulated process can be stopped: before and after each effect and each commit.

The harness steps a process from one checkpoint to the next. A real process has a hook instead,
which may kill it.
"""

from collections.abc import Callable, Generator
from types import coroutine
from typing import TypeVar

T = TypeVar("T")
Hook = Callable[[str], None]

_hooks: list[Hook] = []


def install(hook: Hook) -> None:
    """Call `hook` at every checkpoint of this process, which then runs as an ordinary one."""
    _hooks.append(hook)


class LostError(Exception):
    """The ledger did not answer; what was to be written may be written or not."""


@coroutine
def _stand(label: str) -> Generator[str, None, None]:
    yield label


async def checkpoint(label: str) -> None:
    """Hand control to the harness, which may never give it back."""
    if _hooks:
        _hooks[-1](label)
    else:
        await _stand(label)


async def around(label: str, act: Callable[[], T]) -> T:
    """Do something between two checkpoints; nothing can come between the two."""
    await checkpoint(f"before {label}")
    result = act()
    await checkpoint(f"after {label}")
    return result
