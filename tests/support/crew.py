"""Processes that are started again whenever they end, as a supervisor does."""

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

STOP_SECONDS = 30.0


class Crew:
    """One process of a name each; `ends` counts how they ended, whoever ended them."""

    def __init__(self, folder: Path, module: str, members: Mapping[str, Sequence[str]]) -> None:
        self.ends: Counter[tuple[str, int]] = Counter()
        self._folder = folder
        self._module = module
        self._members = members
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._watchers: list[asyncio.Task[None]] = []
        self._stopping = False

    async def __aenter__(self) -> Self:
        for name in self._members:
            await self._start(name)
            self._watchers.append(asyncio.create_task(self._watch(name)))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping = True
        for process in self._processes.values():
            if process.returncode is None:
                process.terminate()
        async with asyncio.timeout(STOP_SECONDS):
            await asyncio.gather(*self._watchers)

    def kill(self, name: str) -> None:
        """Kill one with -9; it is started again."""
        self._processes[name].kill()

    def said(self, word: str) -> int:
        """Return how often the members wrote a line to standard output."""
        files = self._folder.glob("*.out")
        return sum(file.read_text().splitlines().count(word) for file in files)

    def complaints(self) -> str:
        """Return the end of what each wrote to standard error."""
        files = sorted(self._folder.glob("*.err"))
        return "\n".join(f"{file.name}: {file.read_text()[-1500:]}" for file in files)

    async def _start(self, name: str) -> None:
        with (
            (self._folder / f"{name}.out").open("ab") as out,
            (self._folder / f"{name}.err").open("ab") as err,
        ):
            words = (sys.executable, "-m", self._module, *self._members[name])
            self._processes[name] = await asyncio.create_subprocess_exec(
                *words, stdout=out, stderr=err
            )

    async def _watch(self, name: str) -> None:
        while True:
            code = await self._processes[name].wait()
            if self._stopping:
                return
            self.ends[name, code] += 1
            await asyncio.sleep(0 if code == -signal.SIGKILL else 0.5)
            await self._start(name)
