"""Inputs from around the platform: clouds, database, bus, and the settings that lead to them."""

import asyncio
import sys
from traceback import format_exception
from urllib.parse import quote

from services.cli.registry import settings_of
from shared.bus.switching import switch
from shared.ports import free_port
from shared.service import Service, serve
from shared.settings import load_settings
from tests.support.canary.people import ADMIN
from tests.support.canary.visit import Visit
from tests.support.database import PASSWORDS
from tests.support.leftovers import clients_ended, collect_leftovers
from tests.support.platform import SECRET_KEY, running
from tests.support.sandbox import way_to
from tests.support.waiting import eventually

UNANSWERED_SECONDS = 1.0
FAULTS = (
    {"status": 403},
    {"status": 500, "count": 8},
    {"status": 429, "headers": {"Retry-After": "999999999"}},
    {"status": 400, "code": "x" * 50},
    {"status": 401},
    {"reset": True},
    {"spoil": "not-json"},
    {"spoil": "wrong-types"},
)
FAILING = {
    "/msi/token": {"status": 500, "count": 2},
    "/providers/Microsoft.ResourceGraph": {"status": 403, "count": 1},
    "/v1.0/applications": {"status": 403},
}


async def vault_secret(visit: Visit, value: str) -> None:
    for vault in visit.sandbox.at_first["vaults"][:8]:
        visit.sandbox.control.write(
            vault=vault["name"], kind="secret", name="canary-item", value=value
        )


async def private_key(visit: Visit, value: str) -> str:
    """Make a certificate, whose private key stands in its vault as a secret of the same name."""
    del value
    vault = visit.sandbox.at_first["vaults"][0]
    visit.sandbox.control.write(vault=vault["name"], kind="certificate", name="canary-certificate")
    address = f"{visit.sandbox.url(vault)}/secrets/canary-certificate?api-version=7.4"
    async with way_to(visit.sandbox) as way:
        _, found, _ = await way.get(address, await way.token("vault", "rotate"))
    return str(found["value"])


async def cloud_message(visit: Visit, value: str) -> None:
    """Let the identity, vaults and the directory fail with a message that tells a secret."""
    for vault, fault in zip(visit.sandbox.at_first["vaults"][1:], FAULTS, strict=False):
        visit.sandbox.control.add_fault(host=vault["name"], message=value, **fault)
    for path, fault in FAILING.items():
        visit.sandbox.control.add_fault(path=path, message=value, **fault)


async def access_token(visit: Visit, value: str) -> str:
    """Return a token of the same identity: all of them begin alike."""
    del value
    async with way_to(visit.sandbox) as way:
        return await way.token("vault")


async def identity_header(visit: Visit, value: str) -> str:
    del value
    return str(visit.sandbox.ready["identity_header"])


async def client_secret(visit: Visit, value: str) -> str:
    del value
    return str(visit.sandbox.ready["principals"]["discover-sp"]["client_secret"])


async def database_password(visit: Visit, value: str) -> str:
    del value
    assert PASSWORDS["gateway"] in visit.database.url("gateway")
    return PASSWORDS["gateway"]


async def wrong_database(visit: Visit, value: str) -> None:
    """Give a wrong password, as it has to be written and as somebody pastes it."""
    right = visit.database.url("licensing")
    for written in (quote(value, safe=""), value):
        await _start_wrongly(visit, database_url=right.replace(PASSWORDS["licensing"], written))


async def wrong_rabbitmq(visit: Visit, value: str) -> None:
    for written in (quote(value, safe=""), value):
        address = f"amqp://certify:{written}@127.0.0.1:{free_port()}/"
        await _start_wrongly(visit, bus_url=address)
        await _move_wrongly(visit, address)


async def wrong_service_bus(visit: Visit, value: str) -> None:
    host = f"localhost:{free_port()}"
    address = f"Endpoint=sb://{host}/;SharedAccessKeyName=all;SharedAccessKey={value}"
    await _start_wrongly(visit, bus_url=address)
    await _move_wrongly(visit, address)


async def _move_wrongly(visit: Visit, address: str) -> None:
    """Let `migrate` move the events to a broker that does not answer."""
    try:
        async with visit.database.connection() as admin, asyncio.timeout(UNANSWERED_SECONDS):
            await switch(admin, {"alerting.planted": "planted"}, address, None)
    except Exception as error:  # noqa: BLE001 - whatever it is, an operator reads it
        visit.answers.append("".join(format_exception(error)).encode())
    await clients_ended()
    collect_leftovers()


async def _start_wrongly(visit: Visit, **wrong: str) -> None:
    """Start a service with a setting that leads nowhere until it complains or gives up."""

    async def build(service: Service) -> None:
        visit.platform.services[f"licensing with {', '.join(wrong)}"] = service

    given = {"database_url": visit.database.url("licensing"), "secret_key": SECRET_KEY}
    stop, said = asyncio.Event(), len(visit.log.getvalue())

    async def stop_when_it_complains() -> None:
        await eventually(lambda: "waiting for the database" in visit.log.getvalue()[said:])
        stop.set()

    stopping = asyncio.create_task(stop_when_it_complains())
    try:
        settings = load_settings(
            settings_of("licensing"), **given | wrong, internal_port=free_port()
        )
        await serve("licensing", settings, build, stop)
    except Exception as error:  # noqa: BLE001 - whatever it is, an operator reads it
        visit.answers.append("".join(format_exception(error)).encode())
    finally:
        stopping.cancel()


async def commands_token(visit: Visit, value: str) -> None:
    await _command(visit, CERTIFYCLOUDS_TOKEN=value)


async def commands_password(visit: Visit, value: str) -> None:
    await _command(visit, CERTIFYCLOUDS_USERNAME=ADMIN, CERTIFYCLOUDS_PASSWORD=value)


async def _command(visit: Visit, **variables: str) -> None:
    """Let the command line fail with what it was given, and keep what it says."""
    words = (sys.executable, "-m", "services", "scan", "--json")
    process = await asyncio.create_subprocess_exec(
        *words,
        env={"CERTIFYCLOUDS_URL": visit.platform.url, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode != 0, said
    visit.answers.append(said)


async def wrong_client_secret(visit: Visit, value: str) -> None:
    """Let a scan end first; then scan again as an application whose secret is wrong."""
    await scans_ended(visit)
    await visit.platform.stop("scanner")
    traced = visit.platform.services["scanner"].tracer_provider
    identity = {
        "azure_credential": "client-secret",
        "azure_client_secret": value,
        "scan_when_empty": False,
        "tracers": {"scanner": traced},
    }
    scanner = running(
        visit.database, visit.folder, sandbox=visit.sandbox.ready, names=("scanner",), **identity
    )
    async with scanner as another:
        visit.platform.services["another scanner"] = another.services["scanner"]
        await visit.ask("POST", "/scans", {"mode": "force"}, who=ADMIN)
        visit.scans += 1
        await scans_ended(visit)


async def scans_ended(visit: Visit) -> None:
    async with visit.database.connection() as admin:

        async def ended() -> bool:
            found: int = await admin.fetchval(
                "SELECT count(*) FROM scanner.scan WHERE state = 'completed'"
            )
            return found >= visit.scans

        await eventually(ended)
