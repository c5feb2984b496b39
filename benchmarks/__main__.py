"""`python -m benchmarks [--only NAMES] [--keep FILE]`: measure, one JSON line for each benchmark.

Exit codes: 0 every bound holds, 1 one was missed or could not be measured, 2 no such benchmark.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

from benchmarks.lines import Line, exit_code
from benchmarks.registry import Entry, Wanted, chosen, wanted_by


async def measure(entry: Entry, wanted: Wanted, keep: Path | None) -> list[Line]:
    """Run one entry within its time and print each wanted line as it comes."""
    found = []
    async with asyncio.timeout(entry.seconds), aclosing(entry.load()(wanted)) as lines:  # type: ignore[type-var] # an async generator
        async for line in lines:
            if wanted(line.bench):
                found.append(line)
                print(line.text(), flush=True)
                if keep is not None:
                    with keep.open("a") as file:
                        file.write(line.text() + "\n")
    return found


def run(entries: Sequence[Entry], wanted: Wanted, keep: Path | None) -> int:
    """Measure all; one that cannot be measured is told and does not hide the others."""
    lines: list[Line] = []
    failures: list[str] = []
    for entry in entries:
        try:
            lines += asyncio.run(measure(entry, wanted, keep))
        except Exception as error:  # noqa: BLE001 - whatever it was, the next one is measured
            names = ", ".join(name for name in entry.names if wanted(name))
            failures.append(f"{names} could not be measured: {error!r}")
            sys.stderr.write(failures[-1] + "\n")
    return exit_code(lines, failures)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help="names or patterns, with commas between them")
    parser.add_argument("--keep", type=Path, help="a file to which the lines are added")
    given = parser.parse_args(argv)
    wanted = wanted_by(given.only)
    try:
        entries = chosen(wanted)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    # Told to end, it stops what it started and takes its folders away, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    return run(entries, wanted, given.keep)


if __name__ == "__main__":
    sys.exit(main())
