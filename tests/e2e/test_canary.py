"""Canaries: whatever secret goes into the platform comes to light nowhere.

One platform is given a known value in every input (`INPUTS`), with faults. Then every place
(`PLACES`) is searched for pieces of each value in each form. Afterwards a leak is planted in each
place, which the same search has to find there and nowhere else.
"""

import io
import json
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from itertools import cycle

import aiohttp
import pytest
import pytest_asyncio
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.cli.settings import SERVICES
from shared.database import Cluster
from shared.telemetry import configure_logging
from tests.support.canary.forms import WRITTEN, canary
from tests.support.canary.inputs import INPUTS, SETTINGS, carry_all
from tests.support.canary.people import ADMIN
from tests.support.canary.places import PLACES, Place
from tests.support.canary.search import Leak, Search
from tests.support.canary.visit import Visit
from tests.support.database import another_database
from tests.support.platform import running
from tests.support.sandbox import Sandbox, running_sandbox

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENDLESS = "/api/v1/events"
# Who has to be heard in the logs: the services, and the libraries that carry credentials.
SPEAKERS = (
    "services.scanner",
    "services.rotator",
    "shared.service",
    "azure.core",
    "azure.identity",
    "msal",
    "aiormq",
)
TEXTS = [name for name in WRITTEN if "UTF-16" not in name and name != "Latin-1"]


@pytest.fixture(scope="module")
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, down to the smallest detail, libraries included."""
    before, root, out = structlog.get_config(), logging.getLogger(), io.StringIO()
    handlers, levels = root.handlers[:], {root: root.level}
    configure_logging("DEBUG", stream=out)
    for name in list(logging.root.manager.loggerDict):
        levels[logging.getLogger(name)] = logging.getLogger(name).level
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield out
    structlog.configure(**before)
    root.handlers[:] = handlers
    for logger, level in levels.items():
        logger.setLevel(level)


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A simulated cloud of its own, to which this process's managed identity leads."""
    with (
        running_sandbox(tmp_path_factory.mktemp("estate"), "--profile", "random") as sandbox,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("IDENTITY_ENDPOINT", sandbox.ready["identity_endpoint"])
        patch.setenv("IDENTITY_HEADER", sandbox.ready["identity_header"])
        yield sandbox


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def visit(
    migrated: Cluster,
    estate: Sandbox,
    log: io.StringIO,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Visit]:
    """A whole platform that has been given every canary."""
    folder, spans = tmp_path_factory.mktemp("data"), InMemorySpanExporter()
    tracers = {name: TracerProvider() for name in SERVICES}
    for provider in tracers.values():
        provider.add_span_processor(SimpleSpanProcessor(spans))
    settings = {field: canary(name) for name, field in SETTINGS.items()}
    with (
        another_database(migrated) as database,
        pytest.MonkeyPatch.context() as patch,
        ExitStack() as leave,
    ):
        async with database.connection() as admin:
            begin = await admin.fetchval("SELECT pg_current_wal_lsn()::text")
        async with (
            running(
                database, folder, sandbox=estate.ready, tracers=tracers, scan_when_empty=False,
                logins_per_minute=1000, rotation_confirmation_seconds=0.1,
                rotation_target_writes_per_second=100.0, **settings,
            ) as platform,
            aiohttp.ClientSession(trust_env=False) as http,
        ):  # fmt: skip
            visit = Visit(
                platform=platform,
                sandbox=estate,
                database=database,
                http=http,
                log=log,
                spans=spans,
                folder=folder,
                wal_begin=begin,
                log_begin=database.cluster.log.stat().st_size,
                leave=leave,
                patch=patch,
                values={name: canary(name) for name in SETTINGS},
            )
            await carry_all(visit)
            await read_everything(visit)
            yield visit


async def read_everything(visit: Visit) -> None:
    """Ask for all that the API's description offers for reading, and for the item by its name."""
    described = json.loads((await visit.ask("GET", "//openapi.json"))["text"])
    for path, methods in described["paths"].items():
        if "get" in methods and "{" not in path and path != ENDLESS:
            await visit.ask("GET", f"/{path}?limit=500", who=ADMIN)
    await visit.ask("GET", "/items?q=canary", who=ADMIN)


async def gathered(visit: Visit) -> dict[str, list[Leak]]:
    """Search every place, once."""
    search = Search(visit.values)
    return {p.name: search.leaks(p.name, await p.gather(visit)) for p in PLACES}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clean(visit: Visit) -> dict[str, list[Leak]]:
    """What the search found of the platform as it is."""
    return await gathered(visit)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def planted(visit: Visit, clean: dict[str, list[Leak]]) -> dict[str, set[str]]:
    """Which inputs the search found where, once each place leaks another input in another form."""
    del clean
    for place, form in zip(PLACES, cycle(TEXTS), strict=False):
        await place.plant(visit, WRITTEN[form](visit.values[leaked(place)]))
    found = defaultdict(set)
    for name, leaks in (await gathered(visit)).items():
        found[name] = {leak.input for leak in leaks}
    return found


def leaked(place: Place) -> str:
    """Return the name of the input that a place is made to leak."""
    carried = [one.name for one in INPUTS if one.make is canary]
    return carried[PLACES.index(place)]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
async def test_no_secret_comes_to_light(place: Place, clean: dict[str, list[Leak]]) -> None:
    assert clean[place.name] == []


async def test_the_visit_really_went_everywhere(visit: Visit) -> None:
    assert visit.values.keys() == {*SETTINGS, *(one.name for one in INPUTS)}
    for place in PLACES:
        assert await place.gather(visit), place.name
    assert b"canary-item" in b"".join(visit.answers)
    for name in SPEAKERS:
        assert f'"logger": "{name}' in visit.log.getvalue(), name


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
async def test_a_planted_leak_is_found_where_it_is_and_nowhere_else(
    place: Place, planted: dict[str, set[str]]
) -> None:
    assert leaked(place) in planted[place.name]
    assert {name for name, inputs in planted.items() if leaked(place) in inputs} == {
        place.name,
        *place.also,
    }
