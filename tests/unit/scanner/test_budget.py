"""The budget: a time-table of places that no interleaving of replicas can exceed."""

import asyncio
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scanner.domain import budget
from services.scanner.domain.budget import Block, Bucket, Grant, is_good, most_at_once, pause_for
from services.scanner.ports import Quota
from services.scanner.steps.pace import Line, LocalLedger, Pacing
from tests.support.scanner import a_vault

RATE = 100.0
QUOTA = Quota("sub", "westeurope")
# What happens next: the seconds until then, who, what, and how many places or which pause.
Act = tuple[float, int, str, int]
acts = st.lists(
    st.tuples(
        st.floats(0, 0.3),
        st.integers(0, 3),
        st.sampled_from(["reserve", "reserve", "spend", "spend", "spend", "slow down"]),
        st.integers(1, 60),
    ),
    min_size=1,
    max_size=150,
)
LATE = 0.25


def requests(acts: list[Act], lateness: list[float]) -> tuple[list[float], list[Bucket]]:
    """Let four replicas reserve and spend; return when each request was sent.

    A reservation's answer takes up to `LATE` seconds, and places are spent as late as they may be.
    """
    now, bucket, sent = 1000.0, Bucket.full(RATE, 1000.0), []
    blocks: dict[int, Block] = {}
    seen = []
    for number, (gap, who, what, count) in enumerate(acts):
        now += gap
        late = lateness[number % len(lateness)]
        if what == "reserve":
            bucket, grant = bucket.reserve(RATE, now, count)
            blocks[who] = Block(Grant(grant.begins + late, grant.spacing, grant.places))
        elif what == "slow down":
            bucket = bucket.slow_down(RATE, now, count / 20)
        elif who in blocks and (moment := blocks[who].take(now)) is not None:
            at = max(moment, now) + late
            sent += [at] if is_good(moment, at) else []
        seen.append(bucket)
    return sorted(sent), seen


@given(acts, st.lists(st.floats(0, LATE), min_size=1, max_size=20))
def test_no_span_of_time_sees_more_than_the_rate_and_one_burst_however_replicas_interleave(
    acts: list[Act], lateness: list[float]
) -> None:
    sent, _ = requests(acts, lateness)

    for first in range(len(sent)):
        for last in range(first, len(sent)):
            most = RATE * (sent[last] - sent[first] + budget.GRACE_SECONDS + LATE) + 1
            assert last - first + 1 <= most + 1e-6


@given(acts)
def test_no_two_replicas_ever_get_the_same_place(acts: list[Act]) -> None:
    now, bucket, end = 1000.0, Bucket.full(RATE, 1000.0), -inf
    for gap, _, what, count in acts:
        now += gap
        if what == "slow down":
            bucket = bucket.slow_down(RATE, now, count / 20)
            continue
        bucket, grant = bucket.reserve(RATE, now, count)
        assert grant.begins >= end - 1e-6
        assert 1 <= grant.places <= min(count, most_at_once(RATE))
        assert grant.spacing >= 1 / RATE
        end = grant.begins + grant.places * grant.spacing


@given(acts)
def test_whoever_asks_gets_a_place_after_those_who_asked_before_and_a_pause_at_most(
    acts: list[Act],
) -> None:
    """No starvation: nobody who asks later can push a place further back."""
    now, bucket = 1000.0, Bucket.full(RATE, 1000.0)
    reserved, paused_until = 0, 0.0
    for gap, _, what, count in acts:
        now += gap
        if what == "slow down":
            bucket = bucket.slow_down(RATE, now, count / 20)
            paused_until = max(paused_until, now + count / 20)
            continue
        before = reserved
        bucket, grant = bucket.reserve(RATE, now, count)
        reserved += grant.places
        slowest = RATE * budget.FLOOR
        assert grant.begins <= max(now, paused_until, 1000.0) + before / slowest


@given(acts)
def test_the_rate_stays_between_its_floor_and_the_full_one(acts: list[Act]) -> None:
    _, seen = requests(acts, [0.0])

    assert all(RATE * budget.FLOOR <= bucket.rate <= RATE for bucket in seen)


def test_many_replies_at_once_halve_the_rate_once() -> None:
    bucket = Bucket.full(RATE, 0.0)
    for reply in range(64):
        bucket = bucket.slow_down(RATE, reply / 100, 0.0)
    assert bucket.rate == RATE / 2

    bucket = bucket.slow_down(RATE, 1.0, 0.0)
    assert bucket.rate == RATE / 4


def test_a_reply_that_comes_in_during_a_pause_tells_nothing_new() -> None:
    bucket = Bucket.full(RATE, 0.0).slow_down(RATE, 0.0, 10.0).slow_down(RATE, 5.0, 1.0)
    assert bucket.rate == RATE / 2

    assert bucket.slow_down(RATE, 10.0, 1.0).rate == RATE / 4


def test_the_rate_grows_back_step_by_step_from_the_end_of_the_pause() -> None:
    bucket = Bucket.full(RATE, 0.0).slow_down(RATE, 0.0, 10.0)

    rates = [1 / bucket.reserve(RATE, now, 1)[1].spacing for now in (10.0, 10.9, 11.0, 13.5, 60.0)]

    assert rates == pytest.approx([50, 50, 55, 65, 100])


def test_a_pause_gives_no_place_before_its_end() -> None:
    bucket = Bucket.full(RATE, 0.0).slow_down(RATE, 0.0, 10.0)

    assert bucket.reserve(RATE, 1.0, 5)[1].begins == 10.0


def test_a_clock_that_is_set_back_does_not_stop_the_scan() -> None:
    bucket = Bucket.full(RATE, 3600.0).slow_down(RATE, 3600.0, 10.0)

    grown, grant = bucket.reserve(RATE, 0.0, 5)

    assert grant.begins == 0.0
    assert grown.rate == RATE / 2


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 0"):
        Bucket.full(0, 0.0)


@pytest.mark.parametrize(
    ("told", "pause"),
    [(None, 1.0), (0.0, 0.0), (2.5, 2.5), (15.0, 15.0), (15.1, 1.0), (3600.0, 1.0)],
)
def test_a_pause_is_as_long_as_it_was_told_unless_that_concerns_one_vault_alone(
    told: float | None, pause: float
) -> None:
    assert pause_for(told) == pause


def test_a_block_grows_with_its_use_and_shrinks_with_its_waste() -> None:
    block = Block(Grant(0.0, 0.01, 4))
    assert [block.take(0.0) for _ in range(5)] == [0.0, 0.01, 0.02, 0.03, None]
    assert block.following(waiting=1) == 8
    assert block.following(waiting=30) == 30

    wasted = Block(Grant(0.0, 0.01, 4))
    wasted.take(0.0)
    assert wasted.take(9.0) is None
    assert wasted.following(waiting=1) == 1
    assert Block(Grant(0.0, 0.01, 4)).following(waiting=0) == 1


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


class Ledger(LocalLedger):
    """The local ledger, counting what it was asked."""

    def __init__(self, time: Time, rate: float = RATE) -> None:
        super().__init__(rate, now=time)
        self.reserved: list[int] = []
        self.pauses: list[float] = []

    async def reserve(self, quota: Quota, places: int) -> Grant:
        self.reserved.append(places)
        return await super().reserve(quota, places)

    async def slow_down(self, quota: Quota, pause: float) -> None:
        self.pauses.append(pause)
        await super().slow_down(quota, pause)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def ledger(time: Time) -> Ledger:
    return Ledger(time)


@pytest.fixture
def line(time: Time, ledger: Ledger) -> Line:
    return Line(QUOTA, ledger, time, time.sleep)


async def test_whoever_comes_first_is_served_first_and_in_time(line: Line, time: Time) -> None:
    served: list[tuple[int, float]] = []

    async def visitor(number: int) -> None:
        await line.take()
        served.append((number, time.now))

    await asyncio.gather(*(visitor(number) for number in range(500)))

    assert [number for number, _ in served] == list(range(500))
    assert 4.5 <= served[-1][1] - 1000.0 <= 5.0


async def test_a_small_scan_asks_once_and_a_large_one_a_few_times_a_second(
    line: Line, ledger: Ledger
) -> None:
    for _ in range(8):
        await line.take()
    assert ledger.reserved == [8]

    await asyncio.gather(*(line.take() for _ in range(400)))
    assert len(ledger.reserved) <= 1 + 400 / most_at_once(RATE) + 3


async def test_a_place_whose_time_has_passed_is_not_used(
    line: Line, ledger: Ledger, time: Time
) -> None:
    await line.take()
    time.now += 60

    await line.take()

    assert len(ledger.reserved) == 2


async def test_a_sleep_that_takes_too_long_costs_the_place(ledger: Ledger, time: Time) -> None:
    async def oversleep(seconds: float) -> None:
        time.now += seconds + 5

    await ledger.slow_down(QUOTA, 3.0)
    line = Line(QUOTA, ledger, time, oversleep)

    await line.take()

    assert len(ledger.reserved) == 2


async def test_all_wait_when_one_was_asked_to_and_what_was_reserved_is_given_up(
    line: Line, ledger: Ledger, time: Time
) -> None:
    await line.take()
    await line.slow_down(5.0)

    await line.take()

    assert time.now >= 1005.0
    assert len(ledger.reserved) == 2


async def test_a_place_is_given_up_while_it_is_waited_for(ledger: Ledger, time: Time) -> None:
    async def told_meanwhile(seconds: float) -> None:
        time.now += seconds
        if len(ledger.pauses) == 1:
            await line.slow_down(5.0)

    await ledger.slow_down(QUOTA, 3.0)
    line = Line(QUOTA, ledger, time, told_meanwhile)

    await line.take()

    assert time.now >= 1008.0


async def test_a_place_is_given_up_while_it_is_fetched(line: Line, time: Time) -> None:
    class Meanwhile(Ledger):
        async def reserve(self, quota: Quota, places: int) -> Grant:
            grant = await super().reserve(quota, places)
            if not self.pauses:
                await line.slow_down(5.0)
            return grant

    line.ledger = Meanwhile(time)

    await line.take()

    assert time.now >= 1005.0


async def test_many_replies_at_once_are_told_to_the_others_once_and_a_longer_wait_again(
    line: Line, ledger: Ledger, time: Time
) -> None:
    for _ in range(64):
        await line.slow_down(None)
    assert ledger.pauses == [1.0]

    await line.slow_down(8.0)
    await line.slow_down(8.0)
    assert ledger.pauses == [1.0, 8.0]

    time.now += 8.0
    await line.slow_down(None)
    assert ledger.pauses == [1.0, 8.0, 1.0]


async def test_who_gives_up_waiting_leaves_the_line(line: Line, time: Time) -> None:
    waiting = [asyncio.create_task(line.take()) for _ in range(30)]
    await asyncio.sleep(0)
    for task in waiting[::2]:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)

    await line.take()

    assert line._waiting == 0
    assert time.now < 1001.0


def test_vaults_of_one_subscription_and_region_stand_in_one_line(ledger: Ledger) -> None:
    pacing = Pacing(ledger)

    line = pacing.gate(a_vault("a")).line
    assert line is pacing.gate(a_vault("b")).line
    assert line is not pacing.gate(a_vault("a", region="northeurope")).line
    assert line is not pacing.gate(a_vault("a", "sub-west")).line


async def test_a_vault_that_is_refused_alone_keeps_no_other_waiting(
    ledger: Ledger, time: Time
) -> None:
    pacing = Pacing(ledger, now=time, sleep=time.sleep)
    refused, other = pacing.gate(a_vault("a")), pacing.gate(a_vault("b"))
    await other.take()

    for _ in range(5):
        await refused.slow_down(8.0)
    await other.take()

    assert ledger.pauses == []
    assert time.now == pytest.approx(1000.0, abs=0.1)


async def test_a_second_vault_that_is_refused_in_the_same_window_makes_all_wait(
    ledger: Ledger, time: Time
) -> None:
    pacing = Pacing(ledger, now=time, sleep=time.sleep)
    one, other, third = (pacing.gate(a_vault(name)) for name in "abc")
    await one.slow_down(None)
    time.now += budget.WINDOW_SECONDS - 0.1

    await other.slow_down(5.0)
    await third.take()

    assert ledger.pauses == [5.0]
    assert time.now >= 1014.9


@given(st.lists(st.tuples(st.floats(0, 15), st.sampled_from("abcd")), max_size=40))
def test_a_refusal_concerns_all_when_another_vault_was_refused_in_the_window_before(
    told: list[tuple[float, str]],
) -> None:
    now, refusals, seen = 0.0, budget.Refusals(), list[tuple[float, str]]()
    for gap, vault in told:
        now += gap
        others = [at for at, name in seen if name != vault and now - at < budget.WINDOW_SECONDS]
        assert refusals.concern_all(vault, now) == bool(others)
        seen.append((now, vault))
