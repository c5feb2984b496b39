"""Under the names of a real cloud the sandbox answers with that cloud's own addresses."""

from pathlib import Path

import pytest
from azure.keyvault.secrets.aio import SecretClient

from tests.support.sandbox import running_sandbox, way_to

SUFFIXES = (".azure.net", ".azure.com", ".microsoft.com", ".microsoftonline.com")


async def test_the_sdk_works_with_its_defaults_and_no_endpoint_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = ("--profile", "large", "--vaults", "1", "--secrets", "30", "--names", "public")
    with running_sandbox(tmp_path, *small) as sandbox:
        monkeypatch.setenv("IDENTITY_ENDPOINT", sandbox.ready["identity_endpoint"])
        monkeypatch.setenv("IDENTITY_HEADER", sandbox.ready["identity_header"])
        async with (
            way_to(sandbox, *SUFFIXES) as way,
            way.identity() as identity,
            SecretClient(
                "https://kv-scale-00000.vault.azure.net", identity, transport=way.transport()
            ) as client,
        ):
            names = [item.name async for item in client.list_properties_of_secrets()]
            url = "https://kv-scale-00000.vault.azure.net/secrets?api-version=7.6"
            _, page, _ = await way.get(url, await way.token("vault"))

    assert len(names) == len(set(names)) == 40
    assert page["nextLink"].startswith("https://kv-scale-00000.vault.azure.net:443/secrets?")
    assert page["value"][0]["id"].startswith("https://kv-scale-00000.vault.azure.net/secrets/")
