"""Who may change which applications: whoever owns one, or may write all."""

from tests.support.rotated import Applications
from tests.support.sandbox import Way

NOWHERE = "00000000-0000-4000-8000-000000000000"


async def test_only_what_is_owned_may_be_changed(way: Way, graph: Applications) -> None:
    foreign = graph.foreign()["id"]

    for identity, where in (("rotate", foreign), ("discover", graph.owned()["id"])):
        writer = Applications(way, identity)
        for status, body, _ in (
            await writer.add(where),
            await writer.remove(where, NOWHERE),
            await writer.set_keys(where),
        ):
            assert (status, body["error"]["code"]) == (403, "Authorization_RequestDenied")


async def test_an_owner_needs_the_permission_as_well(way: Way, graph: Applications) -> None:
    foreign = graph.foreign()["id"]
    way.sandbox.control.change("applications", application=foreign, owners=["discover"])

    status, body, _ = await Applications(way, "discover").add(foreign)
    way.sandbox.control.change("applications", application=foreign, owners=[])

    assert (status, body["error"]["code"]) == (403, "Authorization_RequestDenied")


async def test_whoever_may_write_what_it_owns_is_not_told_of_groups(way: Way) -> None:
    own = way.ready["identities"]["rotate"]
    relation = "transitiveMemberOf/microsoft.graph.group?$select=id&$count=true"
    token = await way.token("graph", "rotate")

    for named in (f"/{own['object_id']}", f"(appId='{own['client_id']}')"):
        url = f"{way.ready['graph']}/v1.0/servicePrincipals{named}/{relation}"
        status, body, _ = await way.get(url, token, ConsistencyLevel="eventual")
        assert (status, body["error"]["code"]) == (403, "Authorization_RequestDenied")


async def test_whoever_may_write_all_applications_needs_to_own_none(way: Way) -> None:
    with way.sandbox.control.graph_roles("sync", "Application.ReadWrite.All"):
        writer = Applications(way, "sync")
        status, made, _ = await writer.add(writer.foreign()["id"])
        removed, _, _ = await writer.remove(writer.foreign()["id"], made["keyId"])

    assert (status, removed) == (200, 204)


async def test_ownership_can_be_given(way: Way, graph: Applications) -> None:
    foreign = graph.foreign()["id"]

    way.sandbox.control.change("applications", application=foreign, owners=["rotate"])
    status, _, _ = await graph.add(foreign)
    way.sandbox.control.change("applications", application=foreign, owners=[])
    refused, _, _ = await graph.add(foreign)

    assert (status, refused) == (200, 403)


async def test_an_owner_reads_every_application(graph: Applications) -> None:
    listed = await graph.read("applications?$top=999&$select=id")

    assert len(listed["value"]) == len(graph.way.sandbox.at_first["applications"])
