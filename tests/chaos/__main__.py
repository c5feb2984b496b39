"""Disturb rotations in every way, on the simulated clock: `python -m tests.chaos`.

Prints one JSON line for each campaign and ends at the first promise that is broken, with the case
that shows it; `--only NAME --points 12,34` plays that case again.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from multiprocessing import Pool
from typing import Final

from tests.support.saga.campaigns import BY_NAME, CAMPAIGNS, Campaign, Points, Tally, tally
from tests.support.saga.played import safely

BATCHES: Final = 64
"""Into how many parts a campaign is cut, so that all cores are busy until its end."""


def main() -> int:
    """Return 0 if every promise was kept."""
    asked = _arguments()
    if asked.points:
        return _again(BY_NAME[asked.only], tuple(int(point) for point in asked.points.split(",")))
    chosen = [BY_NAME[asked.only]] if asked.only else CAMPAIGNS
    with Pool(asked.workers) as pool:
        for campaign in chosen:
            began = time.monotonic()
            found = _sum(pool.imap_unordered(_play, _batches(campaign)))
            _tell(campaign, found, time.monotonic() - began)
            if found.first is not None:
                return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=sorted(BY_NAME), help="this campaign alone")
    parser.add_argument("--points", help="one case of it, such as 12,34")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    return parser.parse_args()


def _batches(campaign: Campaign) -> list[tuple[str, Sequence[Points]]]:
    lanes = campaign.lanes()
    return [(campaign.name, lanes[start::BATCHES]) for start in range(min(BATCHES, len(lanes)))]


def _play(batch: tuple[str, Sequence[Points]]) -> Tally:
    name, lanes = batch
    return tally(BY_NAME[name], lanes)


def _sum(tallies: Iterator[Tally]) -> Tally:
    cases, ends = 0, Counter[str]()
    for each in tallies:
        cases, ends = cases + each.cases, ends + each.ends
        if each.first is not None:
            return Tally(cases, ends, each.first)
    return Tally(cases, ends, None)


def _tell(campaign: Campaign, found: Tally, seconds: float) -> None:
    line: dict[str, object] = {
        "campaign": campaign.name,
        "cases": found.cases,
        "ends": dict(found.ends.most_common()),
        "seconds": round(seconds, 1),
    }
    if found.first is not None:
        points, broken = found.first
        shown = ",".join(map(str, points))
        line |= {"broken": broken, "again": f'--only "{campaign.name}" --points {shown}'}
    print(json.dumps(line), flush=True)


def _again(campaign: Campaign, points: Points) -> int:
    played = safely(campaign.play, points)
    print(json.dumps({"points": points, "end": played.end, "broken": played.broken}))
    return 1 if played.broken else 0


if __name__ == "__main__":
    sys.exit(main())
