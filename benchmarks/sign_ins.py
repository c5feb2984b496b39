"""How long a refused sign-in takes: a stopwatch must not tell which names there are.

The kinds are asked for in turns, one after the other, so that whatever else the machine does falls
on all of them alike.
"""

import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import httpx

from benchmarks.databases import Database, fresh, server
from benchmarks.gateway import gateway
from benchmarks.lines import Bound, Line, percentile
from benchmarks.registry import Wanted

ROUNDS: Final = 300
WARMING: Final = 10
APART: Final = (0.9, 1.1)
_KINDS: Final = ("unknown", "wrong", "locked")
_USERS: Final = """
    INSERT INTO gateway.app_user (username, role, password_hash, created_at)
    SELECT kind || n, 'viewer', u.password_hash, u.created_at
      FROM gateway.app_user AS u, unnest($1::text[]) AS kind, generate_series(0, $2) AS n
     WHERE u.username = 'ada'
"""


async def sign_ins(wanted: Wanted) -> AsyncIterator[Line]:
    """Measure refusals of an unknown and of a locked user beside those of a wrong password."""
    with tempfile.TemporaryDirectory(prefix="certifyclouds-bench-") as folder:
        async with (
            server() as cluster,
            fresh(cluster) as database,
            gateway(database, Path(folder), ()) as running,
        ):
            await _prepare(database, running.whole)
            times = await _measure(running.whole)
    for kind in ("unknown", "locked"):
        if wanted(f"gateway-login-{kind}"):
            yield _line(kind, times)


async def _prepare(database: Database, http: httpx.AsyncClient) -> None:
    """Add a user for each attempt: with a few attempts on one it would be locked."""
    async with database.connection() as conn:
        await conn.execute(_USERS, ["wrong", "locked"], ROUNDS + WARMING)
    for _ in range(5):
        await _refused(http, "locked0")


async def _measure(http: httpx.AsyncClient) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    for number in range(ROUNDS + WARMING):
        names = {"unknown": f"nobody{number}", "wrong": f"wrong{number}", "locked": "locked0"}
        for kind in (*_KINDS[number % 3 :], *_KINDS[: number % 3]):
            took = await _refused(http, names[kind])
            if number >= WARMING:
                times[kind].append(took)
    return times


async def _refused(http: httpx.AsyncClient, username: str) -> float:
    """Return the milliseconds that a refusal took."""
    body = {"username": username, "password": "not the password of anybody"}
    began = time.perf_counter()
    answer = await http.post("/api/v1/auth/login", json=body)
    took = (time.perf_counter() - began) * 1000
    if answer.status_code != httpx.codes.UNAUTHORIZED:
        raise RuntimeError(f"A sign-in was answered with {answer.status_code}: {answer.text}")
    return took


def _line(kind: str, times: dict[str, list[float]]) -> Line:
    least, most = APART
    return Line(
        bench=f"gateway-login-{kind}",
        ours=percentile(times[kind], 0.5),
        reference=percentile(times["wrong"], 0.5),
        unit="ms",
        what=(
            f"a refused sign-in ({kind} user), median of {ROUNDS}, in turns; reference: the same"
            " with a wrong password of a known user"
        ),
        bounds=(Bound(figure="ratio", least=least, most=most),),
        figures={
            "p90": percentile(times[kind], 0.9),
            "reference_p90": percentile(times["wrong"], 0.9),
        },
    )
