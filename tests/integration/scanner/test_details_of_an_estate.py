"""The second pass with the real adapters against the simulated vaults, by their log."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import pytest

from services.scanner.adapters import Clouds, open_clouds
from services.scanner.adapters.key_vault import open_gate, open_vault
from services.scanner.domain.calls import Calls
from services.scanner.domain.inventory import Subscription, VaultRef
from services.scanner.domain.listing import Page
from services.scanner.ports import VaultDetails
from shared.clouds import SingleFlightCredential, client, make_source, open_session
from shared.clouds.errors import BlindnessError
from shared.events.scanning import ScanMode
from tests.support import truth
from tests.support.discovery import settings_for
from tests.support.estate import kinds_in
from tests.support.sandbox import Sandbox, random_sandbox
from tests.support.scanner import Rig

__all__ = ["random_sandbox"]

LISTS = {"/secrets", "/keys", "/certificates"}


@dataclass
class Joined:
    """The clouds as the rig takes them."""

    clouds: Clouds
    calls: Calls

    async def subscriptions(self) -> list[Subscription]:
        return await self.clouds.estate.subscriptions()

    async def vaults(self, subscription_ids: Sequence[str]) -> list[VaultRef]:
        return await self.clouds.estate.vaults(subscription_ids)

    def items(self, vault: VaultRef) -> AsyncIterator[Page]:
        return self.clouds.vaults.items(vault)

    def listing(self) -> AsyncIterator[Page]:
        return self.clouds.directory.listing()

    def open(self, vault: VaultRef) -> AbstractAsyncContextManager[VaultDetails]:
        return self.clouds.details.open(vault)


@pytest.fixture
async def estate(
    rig: Rig, random_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Sandbox]:
    monkeypatch.setenv("IDENTITY_ENDPOINT", random_sandbox.ready["identity_endpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", random_sandbox.ready["identity_header"])
    calls = Calls()
    async with open_clouds(settings_for(random_sandbox), calls=calls) as clouds:
        joined: Any = Joined(clouds, calls)
        rig.cloud = rig.details = joined
        random_sandbox.control.clear_log()
        yield random_sandbox


def single_reads(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [
        entry
        for entry in sandbox.control.log(identity="discover")
        if ".vault." in entry["host"] and entry["path"] not in LISTS
    ]


async def outcomes(rig: Rig) -> Counter[str]:
    rows = await rig.pool.fetch("SELECT outcome FROM scanner.v_item_detail")
    return Counter(row["outcome"] for row in rows)


async def test_an_unchanged_estate_is_asked_no_details_again(rig: Rig, estate: Sandbox) -> None:
    await rig.scan()
    assert len(single_reads(estate)) > 300
    assert (await outcomes(rig)).keys() == {"ok", "denied"}
    marks = "SELECT sum(hashtext(ctid::text || xmin::text)) AS sum FROM scanner.item_detail"
    before = await rig.row(marks)
    estate.control.clear_log()

    for mode in (ScanMode.FULL, ScanMode.DELTA):
        scan_id = await rig.scan(mode=mode)
        row = await rig.row("SELECT calls FROM scanner.v_scan WHERE id = $1", scan_id)
        assert row["calls"].keys() == {"secrets", "keys", "certificates"}
    assert single_reads(estate) == []
    assert await rig.row(marks) == before


async def test_every_request_is_counted_also_one_that_had_to_be_repeated(
    rig: Rig, estate: Sandbox
) -> None:
    with estate.control.fault(path="^/keys", status=503, count=3):
        scan_id = await rig.scan()

    row = await rig.row("SELECT calls FROM scanner.v_scan WHERE id = $1", scan_id)
    log = estate.control.log(identity="discover")
    assert row["calls"] == kinds_in(log)
    assert len([entry for entry in log if entry["status"] == 503]) == 3


async def test_a_vault_that_lets_list_only_is_asked_each_refused_kind_once(
    rig: Rig, estate: Sandbox
) -> None:
    await rig.scan()

    refused = [entry for entry in single_reads(estate) if entry["status"] == 403]
    assert refused
    kinds = Counter(
        (e["host"], e["path"].split("/")[1], e["path"].split("/")[3:][:1] == []) for e in refused
    )
    assert max(kinds.values()) == 1
    rows = await rig.pool.fetch(
        "SELECT remedy, version_count FROM scanner.v_item_detail WHERE outcome = 'denied'"
    )
    assert all("getrotationpolicy" in row["remedy"] for row in rows)
    assert all(row["version_count"] is not None for row in rows)


async def test_a_budget_spreads_the_pass_over_scans(rig: Rig, estate: Sandbox) -> None:
    rig.detail_calls = 40
    pending = []
    for _ in range(60):
        scan_id = await rig.scan(mode=ScanMode.DELTA)
        row = await rig.row("SELECT details_pending FROM scanner.v_scan WHERE id = $1", scan_id)
        pending.append(row["details_pending"])
        if pending[-1] == 0:
            break

    assert pending[0] > 0
    assert pending == sorted(pending, reverse=True)
    assert pending[-1] == 0
    paths = Counter((e["host"], e["path"], e["query"]) for e in single_reads(estate))
    assert max(paths.values()) == 1


@pytest.mark.usefixtures("estate")
async def test_answers_that_make_no_sense_are_the_outcome_of_their_items(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = client.parse

    def lie(body: bytes, what: str) -> Mapping[str, object]:
        return {"key": 7} if what.startswith("the public half") else parse(body, what)

    monkeypatch.setattr(client, "parse", lie)
    scan_id = await rig.scan()

    rows = await rig.pool.fetch("SELECT kind, outcome FROM scanner.v_item_detail")
    by_kind = Counter((row["kind"], row["outcome"]) for row in rows)
    assert by_kind["key", "failed"] > 0
    assert by_kind["key", "ok"] == 0
    assert by_kind["certificate", "failed"] == by_kind["secret", "failed"] == 0
    assert (await rig.scan_row(scan_id))["unreadable"] == 2


async def test_the_client_of_the_second_pass_refuses_to_read_a_value(estate: Sandbox) -> None:
    vaults = estate.control.truth()["vaults"]
    vault = next(
        one for one in vaults if one["secrets"] and all(one["readableBy"]["rotate"].values())
    )
    secret = vault["secrets"][0]
    cloud = settings_for(estate, "rotate")
    async with open_session(cloud) as session, SingleFlightCredential(make_source(session)) as one:
        ref = truth.vaults({"vaults": [vault]})[vault["id"].lower()]
        async with open_vault(session, one, ref, Calls(), open_gate(ref)) as opened:
            for address in (
                secret["id"],
                f"{secret['id']}/{'0' * 32}",
                secret["versions"][0]["id"],
            ):
                with pytest.raises(BlindnessError):
                    await opened.read(client.get(address, **{"api-version": "7.6"}), "a value")
            assert await opened.read(
                client.get(f"{secret['id']}/versions", **{"api-version": "7.6"}), "versions"
            )
    sent = [entry["path"] for entry in estate.control.log(identity="rotate")]
    assert [path for path in sent if path.startswith("/secrets")] == [
        f"/secrets/{secret['id'].rsplit('/', 1)[1]}/versions"
    ]
