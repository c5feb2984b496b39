"""Real processes under the real names of each cloud, and what a wrong host or token says."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from services.scanner.app import examine_directly, scan_directly
from services.scanner.steps.direct import Ended, Looked
from shared.clouds import CloudSettings, Identity, cloud_settings
from shared.clouds.addresses import parse_addresses
from shared.clouds.errors import CloudError
from shared.ports import free_port
from shared.secret_value import SecretValue
from tests.e2e.test_cli import certifyclouds
from tests.smoke.api import Api
from tests.support.database import Database
from tests.support.estate import differences, expected_items, stored_items
from tests.support.platform import SECRET_KEY
from tests.support.processes import serving
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.waiting import eventually

READ_ALL = "Application.Read.All"
CLOUDS = ("public", "usgov", "china")


@dataclass(frozen=True)
class Cloud:
    """A cloud by its real names, answered on this machine."""

    name: str
    sandbox: Sandbox

    @property
    def addresses(self) -> str:
        """Every name of the cloud with the sandbox's address, as CLOUD_ADDRESSES has it."""
        return ",".join(f"{host}=127.0.0.1:{self.sandbox.ready['port']}" for host in self.hosts)

    @property
    def hosts(self) -> tuple[str, ...]:
        return cloud_settings(self.name, identity=Identity(source="client-secret")).hosts()

    def variables(self) -> dict[str, str]:
        """The settings that a customer would give, and the authority of the simulated cloud."""
        principal = self.sandbox.ready["principals"]["discover-sp"]
        return {
            "CLOUD": self.name,
            "CLOUD_ADDRESSES": self.addresses,
            "AZURE_CREDENTIAL": "client-secret",
            "AZURE_TENANT_ID": self.sandbox.ready["tenant_id"],
            "AZURE_CLIENT_ID": principal["client_id"],
            "AZURE_CLIENT_SECRET": principal["client_secret"],
            "SSL_CERT_FILE": self.sandbox.ready["ca_file"],
        }

    def settings(self) -> CloudSettings:
        """The same for a scan in this process."""
        given = self.variables()
        identity = Identity(
            source="client-secret",
            client_id=given["AZURE_CLIENT_ID"],
            tenant_id=given["AZURE_TENANT_ID"],
            client_secret=SecretValue(given["AZURE_CLIENT_SECRET"]),
        )
        return replace(
            cloud_settings(self.name, identity=identity),
            ca_file=Path(given["SSL_CERT_FILE"]),
            addresses=parse_addresses(self.addresses, self.hosts),
        )


@pytest.fixture(scope="module", params=CLOUDS)
def cloud(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp(request.param)
    with running_sandbox(folder, "--names", request.param, "--profile", "random") as running:
        yield Cloud(request.param, running)


async def test_the_command_line_scans_each_cloud_under_its_real_names(cloud: Cloud) -> None:
    expected = expected_items(cloud.sandbox.control.truth(), "discover-sp")

    code, out, err = await certifyclouds("scan", "--direct", "--json", **cloud.variables())

    assert code == 0, err
    rows = json.loads(out)["items"]
    assert sorted(row["name"] for row in rows) == sorted(i["name"] for i in expected.values())


async def test_the_platforms_processes_scan_each_cloud_to_the_ground_truth(
    cloud: Cloud, database: Database, tmp_path: Path
) -> None:
    port = free_port()
    common = {"SECRET_KEY": SECRET_KEY, "DATA_DIR": str(tmp_path)}
    async with AsyncExitStack() as stack:
        for name, more in (("scanner", cloud.variables()), ("gateway", {"HTTP_PORT": str(port)})):
            own = {"DATABASE_URL": database.url(name), "INTERNAL_PORT": str(free_port())}
            await stack.enter_async_context(serving(name, **common, **own, **more))
        token = tmp_path / "setup-token"

        async def offered() -> bool:
            return token.exists()

        await eventually(offered)
        with closing(Api(f"http://127.0.0.1:{port}")) as api:
            scan = await asyncio.to_thread(_signed_in_scan, api, token.read_text().strip())

    assert scan["outcome"] == "partial", scan
    found = await stored_items(database.url())
    expected = expected_items(cloud.sandbox.control.truth(), "discover-sp")
    assert len(expected) > 50
    assert differences(found, expected) == []


def _signed_in_scan(api: Api, token: str) -> Mapping[str, object]:
    api.sign_in(token)
    return api.scan()


def another(name: str) -> str:
    """The cloud after this one."""
    return CLOUDS[(CLOUDS.index(name) + 1) % len(CLOUDS)]


async def test_another_clouds_hosts_at_these_addresses_are_refused_by_the_certificate(
    cloud: Cloud,
) -> None:
    """The identity's own host is asked first; nothing was sent to it."""
    wrong = Cloud(another(cloud.name), cloud.sandbox)

    code, out, err = await certifyclouds("scan", "--direct", **wrong.variables())

    assert code != 0
    assert out == ""
    assert "CLOUD" in err, err
    assert "Traceback" not in err


async def test_addresses_of_another_cloud_are_refused_at_the_start(cloud: Cloud) -> None:
    given = {**cloud.variables(), "CLOUD": another(cloud.name)}

    code, _, err = await certifyclouds("scan", "--direct", **given)

    assert code != 0
    assert "no host of this cloud" in err
    assert "Check CLOUD" in " ".join(err.split())


async def test_a_vault_with_another_clouds_suffix_gets_no_token(cloud: Cloud) -> None:
    suffix = cloud_settings(another(cloud.name)).vault_suffix
    cloud.sandbox.control.clear_log()

    looked = await _direct(replace(cloud.settings(), vault_suffix=suffix))

    vaults = [one for one in looked if one.vault]
    assert vaults
    assert all(one.items == () for one in vaults)
    assert all("CLOUD names the cloud it belongs to" in (one.remedy or "") for one in vaults)
    own = cloud_settings(cloud.name).vault_suffix
    assert [e for e in cloud.sandbox.control.log() if e["host"].endswith(own)] == []


async def test_a_token_for_another_audience_is_refused_with_a_sentence(cloud: Cloud) -> None:
    settings = replace(cloud.settings(), arm_scope=cloud.settings().graph_scope)

    with pytest.raises(CloudError, match="does not accept this identity's token") as refused:
        await _direct(settings)

    assert "CLOUD names the cloud" in refused.value.remedy


async def test_a_token_for_an_audience_of_another_cloud_is_not_even_given(cloud: Cloud) -> None:
    settings = replace(cloud.settings(), arm_scope=cloud_settings(another(cloud.name)).arm_scope)

    with pytest.raises(CloudError, match="Entra refused a token") as refused:
        await _direct(settings)

    assert "CLOUD names the cloud" in refused.value.remedy


async def test_what_the_directory_lacks_is_granted_at_its_own_clouds_address(cloud: Cloud) -> None:
    settings = cloud.settings()
    denied = {"status": 403, "code": "Authorization_RequestDenied"}

    with cloud.sandbox.control.fault(path=r"^/v1\.0/applications$", **denied):
        looked = await _direct(settings)
        examined = await examine_directly(settings)

    remedies = [one.remedy for one in looked if one.vault is None]
    remedies += [row.remedy for row in examined.verdict.rows if row.permission == READ_ALL]
    assert len(remedies) == 2
    for remedy in remedies:
        assert f'az rest --method POST --url "{settings.graph}/v1.0/' in (remedy or "")


async def _direct(settings: CloudSettings) -> list[Looked]:
    steps = [step async for step in scan_directly(settings)]
    assert isinstance(steps[-1], Ended)
    return [step for step in steps if isinstance(step, Looked)]
