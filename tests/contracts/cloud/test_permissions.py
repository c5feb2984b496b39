"""What the caller itself may do, as Resource Manager tells it (azure-mgmt-authorization's wire)."""

import pytest

from tests.support.sandbox import Document, Way

PERMISSIONS = "providers/Microsoft.Authorization/permissions?api-version=2022-04-01"
DEFINITIONS = "providers/Microsoft.Authorization/roleDefinitions"
KEY_VAULT_READER = "21090545-7ca7-4776-b22c-e363652d74d2"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"


async def permissions(way: Way, scope: str, name: str = "discover") -> tuple[int, Document]:
    url = f"{way.ready['arm']}{scope}/{PERMISSIONS}"
    status, body, _ = await way.get(url, await way.token("arm", name))
    return status, body


async def definition(way: Way, role: str) -> Document:
    url = f"{way.ready['arm']}/{DEFINITIONS}/{role}?api-version=2022-04-01"
    _, body, _ = await way.get(url, await way.token("arm"))
    return body


async def test_a_vaults_permissions_are_one_entry_for_each_role_that_reaches_it(way: Way) -> None:
    vault = way.sandbox.vault(
        lambda v: v["readableBy"]["discover"]["keys"] and v["properties"]["enableRbacAuthorization"]
    )

    status, body = await permissions(way, vault["id"])

    assert status == 200
    role = (await definition(way, KEY_VAULT_READER))["properties"]["permissions"][0]
    entries = {tuple(entry["actions"]): entry for entry in body["value"]}
    assert entries[tuple(role["actions"])] == role
    assert entries["*/read",] == {
        "actions": ["*/read"],
        "notActions": [],
        "dataActions": [],
        "notDataActions": [],
    }
    assert len(body["value"]) == 2
    assert "nextLink" not in body


async def test_a_vault_of_access_policies_shows_the_control_planes_roles_only(way: Way) -> None:
    vault = way.sandbox.vault(lambda v: not v["properties"]["enableRbacAuthorization"])

    _, body = await permissions(way, vault["id"])

    assert ["*/read"] in [entry["actions"] for entry in body["value"]]
    assert not [entry for entry in body["value"] if "getSecret" in str(entry)]


async def test_a_subscriptions_permissions_do_not_show_what_was_given_below_it(way: Way) -> None:
    subscription = way.sandbox.at_first["subscriptions"][0]["subscriptionId"]

    _, above = await permissions(way, f"/subscriptions/{subscription}", "sync")
    vault = way.sandbox.vault(lambda v: v["readableBy"]["sync"]["secrets"])
    _, below = await permissions(way, vault["id"], "sync")

    assert [entry["dataActions"] for entry in above["value"]] == [[]]
    assert "Microsoft.KeyVault/vaults/secrets/getSecret/action" in str(below["value"])


async def test_a_long_answer_goes_on_under_the_same_path(way: Way) -> None:
    vault, token = (
        way.sandbox.vault(lambda v: v["readableBy"]["rotate"]["keys"]),
        await way.token("arm", "rotate"),
    )
    url: str | None = f"{way.ready['arm']}{vault['id']}/{PERMISSIONS}&$top=1"
    found = []
    while url:
        assert f"{vault['id']}/providers/Microsoft.Authorization/permissions?" in url
        _, body, _ = await way.get(url, token)
        found += body["value"]
        url = body.get("nextLink")

    assert found == (await permissions(way, vault["id"], "rotate"))[1]["value"]
    assert len(found) == 4


async def test_a_vault_that_is_not_there_is_not_found(way: Way) -> None:
    vault = way.sandbox.vault(lambda _: True)

    status, body = await permissions(way, vault["id"] + "-gone")

    assert (status, body["error"]["code"]) == (404, "ResourceNotFound")


async def test_who_has_no_role_on_a_scope_is_not_told_anything(way: Way) -> None:
    status, body = await permissions(way, "/subscriptions/00000000-0000-4000-8000-000000000000")

    assert (status, body["error"]["code"]) == (403, "AuthorizationFailed")
    assert "Microsoft.Authorization/permissions/read" in body["error"]["message"]


async def test_without_a_token_nothing_is_told(way: Way) -> None:
    vault = way.sandbox.vault(lambda _: True)

    status, _, _ = await way.get(f"{way.ready['arm']}{vault['id']}/{PERMISSIONS}")

    assert status == 401


async def test_contributor_may_do_everything_but_grant(way: Way) -> None:
    (entry,) = (await definition(way, CONTRIBUTOR))["properties"]["permissions"]

    assert entry["actions"] == ["*"]
    assert "Microsoft.Authorization/*/Write" in entry["notActions"]
    assert (entry["dataActions"], entry["notDataActions"]) == ([], [])


@pytest.mark.parametrize(
    ("role", "data_actions"),
    [
        (
            KEY_VAULT_READER,
            {
                "Microsoft.KeyVault/vaults/*/read",
                "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
            },
        ),
        (
            SECRETS_USER,
            {
                "Microsoft.KeyVault/vaults/secrets/getSecret/action",
                "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
            },
        ),
        ("b86a8fe4-44ce-4948-aee5-eccb2c155cd7", {"Microsoft.KeyVault/vaults/secrets/*"}),
        ("00482a5a-887f-4fb3-b363-3b7fe8e74483", {"Microsoft.KeyVault/vaults/*"}),
        (
            "a4417e6f-fecd-4de8-b567-7b0420556985",
            {
                "Microsoft.KeyVault/vaults/certificatecas/*",
                "Microsoft.KeyVault/vaults/certificates/*",
                "Microsoft.KeyVault/vaults/certificatecontacts/write",
            },
        ),
        ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", set()),
        ("acdd72a7-3385-48ef-bd42-f606fba81ae7", set()),
    ],
)
async def test_the_built_in_roles_have_azures_data_actions(
    way: Way, role: str, data_actions: set[str]
) -> None:
    (entry,) = (await definition(way, role))["properties"]["permissions"]

    assert set(entry["dataActions"]) == data_actions
