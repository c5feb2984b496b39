"""Every way in which a rotation is disturbed, as lists of cases that can be played again.

A case is a campaign's name and a few numbers. A campaign that counts up has one case for each last
number from 0 on, until there is nothing left to disturb.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count, product
from random import Random
from typing import Final, NamedTuple

from tests.support.saga import played
from tests.support.saga.faults import CLOUDS, LEDGERS, Faults, faulty
from tests.support.saga.harness import process, run, scene
from tests.support.saga.played import Played
from tests.support.saga.zombies import Sleep

Points = tuple[int, ...]
SEED: Final = 20260301
TRIPLES: Final = 20_000
FAULT_PAIRS: Final = 5_000
GAPS: Final = 60


class Campaign(NamedTuple):
    """Cases of one kind; `play` takes the numbers of a lane, and the last one if it counts up."""

    name: str
    lanes: Callable[[], Sequence[Points]]
    play: Callable[..., Played]
    counts_up: bool = False


class Tally(NamedTuple):
    """What came of some cases: how many, how they ended, and the first that broke a promise."""

    cases: int
    ends: Counter[str]
    first: tuple[Points, list[str]] | None


def cases(campaign: Campaign, lane: Points) -> Iterator[tuple[Points, Played]]:
    """Play the cases of one lane."""
    if not campaign.counts_up:
        yield lane, played.safely(campaign.play, lane)
        return
    for last in count():
        points = (*lane, last)
        result = played.safely(campaign.play, points)
        yield points, result
        if result.ended:
            return


def tally(campaign: Campaign, lanes: Sequence[Points]) -> Tally:
    """Play some lanes, up to the first case that breaks a promise."""
    total, ends = 0, Counter[str]()
    for lane in lanes:
        for points, result in cases(campaign, lane):
            total += 1
            ends[result.end] += 1
            if result.broken:
                return Tally(total, ends, (points, result.broken))
    return Tally(total, ends, None)


def length(places: int = 2, stale: int = 0) -> int:
    """Return how many checkpoints an undisturbed rotation has."""
    undisturbed = scene(places=places, stale=float(stale))
    return run(undisturbed, process(undisturbed))


def calls() -> tuple[int, int]:
    """Return how many calls of the clouds and of the ledger an undisturbed rotation makes."""
    faults = Faults()
    undisturbed = faulty(scene(), faults)
    run(undisturbed, process(undisturbed))
    return faults.cloud_calls, faults.ledger_calls


def _singles() -> list[Points]:
    worlds = list(product((1, 2, 3), (0, 20)))
    return [(*world, point) for world in worlds for point in range(1, length(*world))]


def _triples() -> list[Points]:
    random, most = Random(SEED), length()  # noqa: S311 - the same cases in every run
    return [
        (
            random.choice((1, 2, 3)),
            random.choice((0, 20)),
            *(random.randint(1, most) for _ in range(3)),
        )
        for _ in range(TRIPLES)
    ]


def _points() -> list[Points]:
    return [(point,) for point in range(1, length())]


def _writes() -> list[Points]:
    """Whose value, into which place, when, and when the process dies (0: it does not)."""
    return list(product((1, 2), (0, 1), range(1, length()), (0, 1, 3, 8, 21)))


def _wishes() -> list[Points]:
    """How long copies take in seconds, when somebody asks, and when the process dies."""
    return list(product((60, 900), range(1, length()), range(0, GAPS, 2)))


def _switches() -> list[Points]:
    return list(product(range(1, length()), (1, 2, 5, 13, 34, 89, 233), (0, 1, 4)))


def _fault_singles() -> list[Points]:
    clouds, ledger = calls()
    return [
        *((1, call, kind) for call in range(1, clouds + 1) for kind in range(len(CLOUDS))),
        *((2, call, kind) for call in range(1, ledger + 1) for kind in range(len(LEDGERS))),
    ]


def _fault_pairs() -> list[Points]:
    random, singles = Random(SEED), _fault_singles()  # noqa: S311 - the same cases in every run
    return [(*random.choice(singles), *random.choice(singles)) for _ in range(FAULT_PAIRS)]


def _withdrawals() -> list[Points]:
    return list(product(range(1, calls()[0] + 1), range(len(played.WITHDRAWN))))


def _sleep(name: str, sleep: Sleep) -> Campaign:
    def play(asleep_at: int, awake_after: int) -> Played:
        return played.take_over(sleep, asleep_at, awake_after)

    return Campaign(f"taken over, asleep {name}", _points, play, counts_up=True)


CAMPAIGNS: Final = (
    Campaign("one crash", _singles, played.crashes),
    Campaign("two crashes", _points, played.two_crashes, counts_up=True),
    Campaign("three crashes", _triples, played.crashes),
    _sleep("as long as an effect", Sleep.QUARANTINED),
    _sleep("within the overlap", Sleep.WITHIN_THE_OVERLAP),
    _sleep("for ever", Sleep.ENDLESS),
    Campaign("somebody else writes", _writes, played.foreign_write),
    Campaign("roll back", _wishes, played.roll_back),
    Campaign("withdraw", _points, played.withdraw),
    Campaign("kill switch", _switches, played.kill_switch),
    Campaign("one fault", _fault_singles, played.faults),
    Campaign("two faults", _fault_pairs, played.faults),
    Campaign("permissions withdrawn", _withdrawals, played.denied),
)
BY_NAME: Final = {campaign.name: campaign for campaign in CAMPAIGNS}
