"""What may leave the process."""

import pytest
from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.rest import HttpRequest

from services.scanner.adapters import paths
from shared.clouds import AllowedPaths, HostGuard
from shared.clouds.errors import BlindnessError, ForeignHostError
from shared.clouds.guards import GuardPolicy
from shared.clouds.settings import public

VAULT = "/subscriptions/0a/resourceGroups/RG_0.(x)/providers/Microsoft.KeyVault/vaults/kv-1"
KV = "https://kv-1.vault.azure.net"


@pytest.mark.parametrize(
    "url",
    [
        f"{KV}/secrets?api-version=7.6&maxresults=25",
        f"{KV}:443/keys?$skiptoken=abc",
        f"{KV}/certificates",
        f"{KV}/Certificates",
        f"{KV}/secrets/db-password/versions?api-version=7.6",
        f"{KV}/keys/signing",
        f"{KV}/keys/signing/rotationpolicy",
        f"{KV}/certificates/tls/pending",
    ],
)
def test_lists_and_public_halves_of_a_vault_may_be_asked_for(url: str) -> None:
    paths.VAULT.check("GET", url)


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", f"{KV}/secrets/db-password"),
        ("GET", f"{KV}/secrets/db-password?api-version=7.6"),
        ("GET", f"{KV}/secrets/db-password/0123456789abcdef"),
        ("GET", f"{KV}/secrets/db-password/versions/0123456789abcdef"),
        ("GET", f"{KV}/secrets/versions"),
        ("GET", f"{KV}/secrets/"),
        ("GET", f"{KV}/secrets/secrets"),
        ("GET", f"{KV}//secrets"),
        ("GET", f"{KV}/keys/../secrets/db-password"),
        ("GET", f"{KV}/secrets%2Fdb-password"),
        ("GET", f"{KV}/secrets/db-password#/secrets"),
        ("GET", f"{KV}/deletedsecrets"),
        ("GET", f"{KV}/secrets\n/x"),
        ("POST", f"{KV}/secrets"),
        ("PUT", f"{KV}/secrets/db-password"),
        ("DELETE", f"{KV}/secrets/db-password"),
        ("POST", f"{KV}/secrets/db-password/backup"),
        ("POST", f"{KV}/keys/signing/sign"),
    ],
)
def test_no_other_request_to_a_vault_can_be_made(method: str, url: str) -> None:
    with pytest.raises(BlindnessError):
        paths.VAULT.check(method, url)


def test_a_path_that_leads_back_to_a_list_is_judged_as_the_transport_sends_it() -> None:
    paths.VAULT.check("GET", f"{KV}/secrets/../keys")


@pytest.mark.parametrize(
    "path",
    [
        "/subscriptions",
        "/subscriptions/0a-1B/providers/Microsoft.KeyVault/vaults",
        "/subscriptions/0a/providers/microsoft.keyvault/vaults",
        "/subscriptions/0a/providers/Microsoft.Authorization/roleAssignments",
        "/subscriptions/0a/providers/Microsoft.Authorization/roleDefinitions/acdd-72",
        (
            "/subscriptions/0a/resourcegroups/rg/providers/microsoft.keyvault/vaults/kv-1/providers"
            "/Microsoft.Authorization/permissions"
        ),
        (
            "/subscriptions/0a/resourceGroups/RG_1.Mixed-(x)/providers/Microsoft.KeyVault/vaults/kv-1"
            "/providers/Microsoft.Authorization/permissions"
        ),
        (
            "/subscriptions/0a/resourceGroups/gr%C3%B6%C3%9Fe/providers/Microsoft.KeyVault/vaults/kv-1"
            "/providers/Microsoft.Authorization/permissions"
        ),
        "/subscriptions/0a/providers/Microsoft.Authorization/roleDefinitions",
        f"{VAULT}/providers/Microsoft.Insights/diagnosticSettings",
        f"{VAULT.replace('RG_0', '%C3%9Cber')}/providers/Microsoft.Insights/diagnosticSettings",
    ],
)
def test_the_management_lists_may_be_asked_for(path: str) -> None:
    paths.ARM.check("GET", f"https://management.azure.com{path}")


@pytest.mark.parametrize(
    "path",
    [
        "/subscriptions/0a",
        "/subscriptions/0a/providers/Microsoft.KeyVault/vaults/kv-1/secrets",
        "/subscriptions/0a/0b/providers/Microsoft.KeyVault/vaults",
        "/subscriptions/0a/providers/MicrosoftXKeyVault/vaults",
        "/providers/Microsoft.ResourceGraph/resources",
        "/subscriptions/0a/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv-1",
        (
            "/subscriptions/0a/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv-1/secrets/a"
            "/providers/Microsoft.Authorization/permissions"
        ),
        (
            "/subscriptions/0a/resourceGroups/r%2Fg/providers/Microsoft.KeyVault/vaults/kv-1/providers"
            "/Microsoft.Authorization/permissions"
        ),
        (
            "/subscriptions/0a/resourceGroups/r/g/providers/Microsoft.KeyVault/vaults/kv-1/providers"
            "/Microsoft.Authorization/permissions"
        ),
        (
            "/subscriptions/0a/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv_1/providers"
            "/Microsoft.Authorization/permissions"
        ),
        VAULT,
        f"{VAULT}/secrets",
        f"{VAULT}/secrets/a/providers/Microsoft.Insights/diagnosticSettings",
        f"{VAULT}%2Fsecrets/providers/Microsoft.Insights/diagnosticSettings",
        VAULT.replace("RG_0.(x)", "rg%2F..") + "/providers/Microsoft.Insights/diagnosticSettings",
        "/subscriptions/0a/providers/Microsoft.Authorization/roleAssignments/1",
    ],
)
def test_nothing_else_of_the_management_api_can_be_read(path: str) -> None:
    with pytest.raises(BlindnessError):
        paths.ARM.check("GET", f"https://management.azure.com{path}")


GROUPS = "/v1.0/servicePrincipals/0a/transitiveMemberOf/microsoft.graph.group"


@pytest.mark.parametrize(
    "path",
    [
        "/v1.0/applications?$top=999",
        "/v1.0/applications/0a/owners",
        "/v1.0/applications/0a/federatedIdentityCredentials",
        "/v1.0/servicePrincipals?$top=999",
        "/v1.0/servicePrincipals/0a/owners",
        "/v1.0/servicePrincipals/0a/federatedIdentityCredentials",
        f"{GROUPS}?$select=id",
    ],
)
def test_applications_and_principals_with_what_belongs_to_them_are_read(path: str) -> None:
    paths.DIRECTORY.check("GET", f"https://graph.microsoft.com{path}")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1.0/applications"),
        ("GET", "/v1.0/users"),
        ("POST", GROUPS),
        ("DELETE", GROUPS),
        ("GET", GROUPS.rpartition("/")[0]),
        ("GET", f"{GROUPS}/$count"),
        ("GET", GROUPS.replace("group", "directoryRole")),
        ("GET", GROUPS.replace("servicePrincipals", "users")),
        ("GET", "/v1.0/groups/0a/transitiveMembers"),
    ],
)
def test_nothing_else_of_the_directory_is_asked_for(method: str, path: str) -> None:
    with pytest.raises(BlindnessError):
        paths.DIRECTORY.check(method, f"https://graph.microsoft.com{path}")


def test_a_refusal_names_the_request_without_its_query() -> None:
    with pytest.raises(BlindnessError) as refused:
        AllowedPaths("GET /secrets").check("GET", f"{KV}/secrets/db?sig=query-canary")

    assert "GET /secrets/db was not sent" in str(refused.value)
    assert "query-canary" not in str(refused.value)


def test_a_list_of_paths_shows_itself() -> None:
    assert repr(AllowedPaths("GET /secrets")) == "AllowedPaths('GET /secrets',)"


def test_a_token_goes_to_no_other_host() -> None:
    guard = HostGuard(public().owns_vault)
    guard.check("GET", f"{KV}/secrets")

    for url in ("https://evil.example.com/secrets?x=y", "https://evil.example.com\\@kv/"):
        with pytest.raises(ForeignHostError) as refused:
            guard.check("GET", url)
        assert "x=y" not in str(refused.value)


def test_the_guards_stand_at_the_front_of_the_pipeline() -> None:
    policy = GuardPolicy((HostGuard(public().owns_vault), paths.VAULT))

    def request(url: str) -> PipelineRequest[HttpRequest]:
        return PipelineRequest(HttpRequest("GET", url), PipelineContext(None))

    policy.on_request(request(f"{KV}/secrets"))
    with pytest.raises(BlindnessError):
        policy.on_request(request(f"{KV}/secrets/db"))
    with pytest.raises(ForeignHostError):
        policy.on_request(request("https://evil.example.com/secrets"))
