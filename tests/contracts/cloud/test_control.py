"""The control endpoint: writing as an owner, moving the time, and refusing nonsense."""

from datetime import datetime
from typing import Any

import pytest

from tests.support.sandbox import Sandbox, Way

DAY = 86_400


def target(sandbox: Sandbox) -> dict[str, Any]:
    return sandbox.vault(lambda v: all(v["readableBy"]["discover"].values()) and v["certificates"])


def row(sandbox: Sandbox, vault: str, kind: str, name: str) -> dict[str, Any] | None:
    held = sandbox.control.vault(vault)[kind]
    rows = {each.get("id", each.get("kid")).rsplit("/", 1)[1]: each for each in held}
    return rows.get(name)


def test_an_owner_makes_changes_renews_and_deletes_a_secret(sandbox: Sandbox) -> None:
    vault, write = target(sandbox)["name"], sandbox.control.write
    what = {"vault": vault, "kind": "secret", "name": "owned"}
    end = sandbox.at_first["now"] + DAY

    made = write(**what, attributes={"exp": end}, tags={"a": "b"}, content_type="text/plain")
    changed = write(**what, attributes={"exp": end + DAY, "enabled": False})
    unset = write(**what, attributes={"exp": None, "enabled": True}, tags={})
    renewed = write(**what, new_version=True)
    shown = row(sandbox, vault, "secrets", "owned")
    write(**what, delete=True)

    assert (made["attributes"]["exp"], made["tags"]) == (end, {"a": "b"})
    assert made["contentType"] == "text/plain"
    assert (changed["attributes"]["exp"], changed["attributes"]["enabled"]) == (end + DAY, False)
    assert changed["tags"] == {"a": "b"}
    assert "exp" not in unset["attributes"]
    assert "tags" not in unset
    assert renewed["attributes"]["enabled"]
    assert shown is not None
    assert len(shown["versions"]) == 2
    assert row(sandbox, vault, "secrets", "owned") is None


def test_a_renewed_certificate_brings_its_key_and_secret_along(sandbox: Sandbox) -> None:
    vault = target(sandbox)
    name = vault["certificates"][0]["id"].rsplit("/", 1)[1]
    end = sandbox.at_first["now"] + 90 * DAY

    sandbox.control.write(
        vault=vault["name"], kind="certificate", name=name, attributes={"exp": end}
    )

    for kind in ("secrets", "keys", "certificates"):
        shown = row(sandbox, vault["name"], kind, name)
        assert shown is not None
        assert shown["attributes"]["exp"] == end
    renewed = row(sandbox, vault["name"], "certificates", name)
    assert renewed is not None
    assert renewed["x5t"] != vault["certificates"][0]["x5t"]


async def test_the_clock_stamps_what_is_written(way: Way) -> None:
    control, vault = way.sandbox.control, target(way.sandbox)["name"]
    now = control.truth()["now"]

    with control.moved_clock(30 * DAY):
        made = control.write(vault=vault, kind="key", name="from-the-future")
        control.clear_log()
        await way.get(f"{way.ready['arm']}/tenants")
        (entry,) = control.log()

    assert made["attributes"]["created"] >= now + 30 * DAY
    assert datetime.fromisoformat(entry["at"]).timestamp() >= now + 30 * DAY


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("POST", "faults", {}, "needs one of"),
        ("POST", "faults", {"path": "(", "status": 500}, "not a regular expression"),
        ("POST", "faults", {"status": 200}, "status"),
        ("POST", "faults", {"status": 500, "counts": 1}, "counts"),
        ("POST", "faults", {"hang": True, "after": True}, "after needs reset or status"),
        ("DELETE", "faults/999999", None, "no fault with the id"),
        ("GET", "truth/nowhere", None, "no vault"),
        ("PUT", "clock", {"offset_seconds": "soon"}, "offset_seconds"),
        ("PUT", "clock", {}, "offset_seconds"),
        ("PUT", "clock", [], "object"),
        ("POST", "identity", {"token_seconds": 0}, "token_seconds"),
        ("POST", "identity", {"revoke": "nobody"}, "There are: discover, rotate, sync"),
        ("PUT", "memberships", {"identity": "nobody", "groups": []}, "There are: discover"),
        ("PUT", "memberships", {"identity": "discover", "groups": ["admins"]}, "groups.0"),
        ("POST", "items", {"vault": "nowhere", "kind": "secret", "name": "a"}, "no vault"),
        ("POST", "items", {"vault": "v", "kind": "password", "name": "a"}, "kind"),
        ("POST", "items", {"vault": "v", "kind": "secret", "name": "a_b"}, "name"),
        ("POST", "items", {"vault": "v", "kind": "secret", "name": "a", "attributes": 1}, "attrib"),
    ],
)
def test_nonsense_is_answered_with_a_sentence(
    sandbox: Sandbox, method: str, path: str, body: object, words: str
) -> None:
    status, sentence = sandbox.control.refusal(method, path, body)

    assert status == 400
    assert words in sentence
    assert sentence.endswith(".")


def test_an_unknown_place_is_answered_with_those_there_are(sandbox: Sandbox) -> None:
    status, sentence = sandbox.control.refusal("GET", "nothing")

    assert status == 404
    assert "faults" in sentence


def test_an_owner_does_not_write_what_belongs_to_a_certificate(sandbox: Sandbox) -> None:
    vault = target(sandbox)
    name = vault["certificates"][0]["id"].rsplit("/", 1)[1]

    status, sentence = sandbox.control.refusal(
        "POST", "items", {"vault": vault["name"], "kind": "secret", "name": name}
    )

    assert status == 400
    assert "belongs to a certificate" in sentence


def test_the_truth_holds_no_value(sandbox: Sandbox) -> None:
    vault = target(sandbox)["name"]
    sandbox.control.write(vault=vault, kind="secret", name="valued", value="not-to-be-told")

    truth = str(sandbox.control.truth())

    assert "valued" in truth
    assert "not-to-be-told" not in truth
    assert sandbox.ready["principals"]["discover-sp"]["client_secret"] not in truth
