"""Which hosts belong to a cloud, and which tokens they get."""

from pathlib import Path

import pytest
from azure.core import AzureClouds
from azure.identity import AzureAuthorityHosts
from azure.mgmt.core.tools import get_arm_endpoints
from msgraph_core import NationalClouds
from pydantic import SecretStr

from shared.clouds.settings import (
    CloudSettings,
    Identity,
    china,
    cloud_settings,
    from_variables,
    public,
    sandbox,
    usgov,
)
from shared.errors import SettingsError
from shared.settings import CloudVariables

SANDBOX = sandbox(port=8443, ca_file=Path("ca.pem"))


@pytest.mark.parametrize(
    ("cloud", "authority", "azure", "graph"),
    [
        (
            public(),
            AzureAuthorityHosts.AZURE_PUBLIC_CLOUD,
            AzureClouds.AZURE_PUBLIC_CLOUD,
            NationalClouds.Global,
        ),
        (
            usgov(),
            AzureAuthorityHosts.AZURE_GOVERNMENT,
            AzureClouds.AZURE_US_GOVERNMENT,
            NationalClouds.US_GOV,
        ),
        (
            china(),
            AzureAuthorityHosts.AZURE_CHINA,
            AzureClouds.AZURE_CHINA_CLOUD,
            NationalClouds.China,
        ),
    ],
    ids=["public", "usgov", "china"],
)
def test_the_presets_agree_with_microsofts_own_packages(
    cloud: CloudSettings, authority: str, azure: AzureClouds, graph: NationalClouds
) -> None:
    endpoints = get_arm_endpoints(azure)

    assert cloud.authority == f"https://{authority}"
    assert cloud.arm == endpoints["resource_manager"].rstrip("/")
    assert [cloud.arm_scope] == endpoints["credential_scopes"]
    assert cloud.graph == graph.value


@pytest.mark.parametrize(
    ("cloud", "scope"),
    [
        (public(), "https://vault.azure.net/.default"),
        (usgov(), "https://vault.usgovcloudapi.net/.default"),
        (china(), "https://vault.azure.cn/.default"),
        (SANDBOX, "https://vault.sandbox.localhost:8443/.default"),
    ],
)
def test_a_vault_token_is_asked_for_the_clouds_vaults(cloud: CloudSettings, scope: str) -> None:
    assert cloud.vault_scope == scope


def test_graph_and_management_have_scopes_of_their_own() -> None:
    assert public().graph_scope == "https://graph.microsoft.com/.default"
    assert SANDBOX.arm_scope == "https://arm.sandbox.localhost:8443/.default"


@pytest.mark.parametrize(
    "uri",
    [
        "https://kv-1.vault.azure.net",
        "https://kv-1.vault.azure.net/secrets?api-version=7.6",
        "https://kv-1.vault.azure.net:443/secrets",
        "https://KV-1.Vault.Azure.net/",
    ],
)
def test_a_vault_of_the_cloud_is_owned_whatever_its_spelling(uri: str) -> None:
    assert public().owns_vault(uri)
    assert public().owns(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example.com/",
        "https://kv-1.vault.azure.net.evil.example.com/",
        "https://vault.azure.net/",
        "https://.vault.azure.net/",
        "https://kv.1.vault.azure.net/",
        "https://evilvault.azure.net/",
        "https://kv-1.vault.azure.net:8443/",
        "http://kv-1.vault.azure.net/",
        "https://kv-1.vault.azure.net@evil.example.com/",
        "https://evil.example.com@kv-1.vault.azure.net/",
        "https://evil.example.com\\@kv-1.vault.azure.net/",
        "https://kv-1.vault.azure.net./",
        "https://kv-1.vault.azure.cn/",
        "https://kv-1.vault.azure。net/",
        "https:///secrets",
        "https://[::1",
        "kv-1.vault.azure.net",
        "",
    ],
)
def test_nothing_else_is_taken_for_a_vault_of_the_cloud(uri: str) -> None:
    assert not public().owns_vault(uri)
    assert not public().owns(uri)


def test_each_tokens_hosts_are_apart() -> None:
    cloud = public()

    assert cloud.owns_arm("https://management.azure.com/subscriptions")
    assert cloud.owns_graph("https://graph.microsoft.com/v1.0/applications")
    assert not cloud.owns_arm("https://graph.microsoft.com/")
    assert not cloud.owns_graph("https://management.azure.com/")
    assert cloud.owns_authority("https://login.microsoftonline.com/tenant/oauth2/v2.0/token")
    assert not cloud.owns_authority("https://login.microsoftonline.com.example/tenant")
    assert not cloud.owns_authority("http://login.microsoftonline.com/tenant")
    assert not cloud.owns_vault("https://management.azure.com/")


def test_the_sandbox_is_a_port_of_this_machine() -> None:
    assert SANDBOX.loopback
    assert SANDBOX.owns_vault("https://kv-1.vault.sandbox.localhost:8443/")
    assert not SANDBOX.owns_vault("https://kv-1.vault.sandbox.localhost:8444/")
    assert not SANDBOX.owns_vault("https://kv-1.vault.sandbox.localhost/")


def test_the_hosts_to_open_a_firewall_for_are_listed() -> None:
    assert public().hosts() == (
        "*.blob.core.windows.net",
        "*.cognitiveservices.azure.com",
        "*.documents.azure.com",
        "*.servicebus.windows.net",
        "*.vault.azure.net",
        "graph.microsoft.com",
        "management.azure.com",
    )


def test_entra_is_listed_only_where_this_product_asks_it_itself() -> None:
    assert "login.microsoftonline.com" in public(Identity(source="client-secret")).hosts()
    assert "login.microsoftonline.com" not in public(Identity(source="az-login")).hosts()


def test_a_setting_chooses_the_cloud() -> None:
    assert cloud_settings("usgov") == usgov()
    assert cloud_settings("sandbox", sandbox_port=8443, sandbox_ca_file=Path("ca.pem")) == SANDBOX


@pytest.mark.parametrize(("cloud", "word"), [("mars", "public"), ("sandbox", "SANDBOX_PORT")])
def test_a_wrong_choice_says_what_to_set(cloud: str, word: str) -> None:
    with pytest.raises(SettingsError, match=word):
        cloud_settings(cloud)


def test_a_services_settings_name_the_cloud_and_the_identity() -> None:
    variables = CloudVariables(
        cloud="china",
        azure_credential="client-secret",
        azure_client_id="client",
        azure_tenant_id="tenant",
        azure_client_secret=SecretStr("secret-canary"),
    )

    cloud = from_variables(variables)

    assert cloud.name == "china"
    assert cloud.identity.source == "client-secret"
    assert cloud.identity.client_secret
    assert cloud.identity.client_secret.reveal() == "secret-canary"
    assert "secret-canary" not in repr(cloud)
