"""One service is dead: the other five work and say so; it comes back and catches up by looking."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.cli.settings import SERVICES
from shared.service import probes
from tests.support.database import Database
from tests.support.platform import Running, running
from tests.support.sandbox import Sandbox
from tests.support.waiting import eventually


@pytest.fixture(autouse=True)
def _soon_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "SILENT_SECONDS", 1.0)


@asynccontextmanager
async def signed_in(platform: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=platform.url + "/api/v1", trust_env=False) as http:
        body = {
            "setup_token": platform.setup_token,
            "username": "ada",
            "password": "a-long-walk-home",
        }
        answer = (await http.post("/auth/login", json=body)).raise_for_status().json()
        http.headers["authorization"] = f"Bearer {answer['access_token']}"
        yield http


async def scanned(http: httpx.AsyncClient) -> dict[str, Any]:
    scan = (await http.post("/scans", json={"mode": "full"})).raise_for_status().json()["id"]

    async def ended() -> dict[str, Any] | None:
        state = (await http.get(f"/scans/{scan}")).json()
        return state if state["state"] == "completed" else None

    return await eventually(ended)


@pytest.mark.usefixtures("cloud_variables")
async def test_alerting_is_dead_while_a_scan_runs_and_catches_up_when_it_comes_back(
    database: Database, random_sandbox: Sandbox, tmp_path: Path
) -> None:
    others = [name for name in SERVICES if name != "alerting"]
    async with AsyncExitStack() as stack:
        platform = await stack.enter_async_context(
            running(
                database,
                tmp_path,
                sandbox=random_sandbox.ready,
                names=others,
                scan_when_empty=False,
            )
        )
        http = await stack.enter_async_context(signed_in(platform))

        scan = await scanned(http)
        assert scan["items"] > 0

        health = (await http.get("/system/health")).json()
        assert "alerting" in str(health)
        for name, port in platform.ports.items():
            detail = (await http.get(f"http://127.0.0.1:{port}/health")).json()
            assert detail["checks"]["peers"]["status"] == "degraded", name
            assert "alerting has never been seen" in detail["checks"]["peers"]["detail"]
            assert detail["checks"]["database"]["status"] == "ok"

        assert (await http.get("/alerts")).json()["data"] == []
        await stack.enter_async_context(
            running(database, tmp_path, sandbox=random_sandbox.ready, names=["alerting"])
        )

        async def alerts() -> list[dict[str, Any]]:
            return (await http.get("/alerts", params={"limit": 500})).json()["data"]

        found = await eventually(alerts)
        assert len({alert["item_id"] for alert in found}) == len(found)


@pytest.mark.usefixtures("cloud_variables")
async def test_whichever_service_dies_the_other_five_are_ready_and_name_it(
    database: Database, random_sandbox: Sandbox, tmp_path: Path
) -> None:
    dead: list[str] = []
    async with (
        running(database, tmp_path, sandbox=random_sandbox.ready) as platform,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        for victim in ("rotator", "syncer", "licensing", "alerting", "gateway"):
            await platform.stop(victim)
            dead.append(victim)
            for name in [name for name in SERVICES if name not in dead]:
                port = platform.ports[name]

                async def says_so(port: int = port, victim: str = victim) -> bool:
                    detail = (await http.get(f"http://127.0.0.1:{port}/health")).json()
                    return f"{victim} was last seen" in detail["checks"]["peers"]["detail"]

                await eventually(says_so)
                ready = await http.get(f"http://127.0.0.1:{port}/health/ready")
                assert ready.status_code == 200, f"{name} is ready without {victim}"
