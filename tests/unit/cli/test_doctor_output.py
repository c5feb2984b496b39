"""What `certifyclouds doctor` prints first, what it says to do, and how it ends."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from services.cli.client import Client
from services.cli.doctor_output import Findings, as_json, exit_code, print_findings
from services.cli.doctor_through import examine
from shared.errors import PermanentError, TransientError

VAULT = "/subscriptions/s/resourcegroups/rg/providers/microsoft.keyvault/vaults/kv-a"
LONG = "az role assignment create --scope " + "x" * 300


def a_row(state: str = "have", **changes: Any) -> dict[str, Any]:
    return {
        "n": 1,
        "permission": "Microsoft.KeyVault/vaults/keys/read",
        "scope": VAULT,
        "state": state,
        "why": "Because.",
        "remedy": None,
        "reads_values": False,
        "vault_name": "kv-a",
        "could_read_values": "no",
        **changes,
    }


def found(*rows: dict[str, Any], answer: str = "no", **changes: Any) -> Findings:
    check = {
        "id": "check-1",
        "began_at": "2026-11-24T12:00:01+00:00",
        "finished_at": "2026-11-24T12:00:09+00:00",
        "could_read_values": answer,
        "object_id": "object",
        "client_id": "client",
        "tenant_id": "tenant",
        **changes,
    }
    return Findings(check=check, rows=rows)


def printed(findings: Findings, **how: Any) -> str:
    out = io.StringIO()
    console = Console(file=out, width=120, force_terminal=True, color_system="standard")
    print_findings(console, findings, **how)
    return out.getvalue()


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        (found(a_row()), 0),
        (found(a_row("missing")), 1),
        (found(a_row("unknown")), 1),
        (found(a_row("needed")), 1),
        (found(a_row(), answer="unknown"), 1),
        (found(a_row("excess")), 5),
        (found(a_row("missing"), a_row("excess")), 5),
        (found(a_row(), answer="yes"), 5),
    ],
)
def test_the_worst_finding_decides_how_the_command_ends(findings: Findings, code: int) -> None:
    assert exit_code(findings) == code


def test_an_identity_that_could_read_values_is_the_first_line_in_red() -> None:
    first = printed(found(a_row("excess"), answer="yes")).splitlines()[0]

    assert "COULD READ VALUES" in first
    assert "41m" in first


@pytest.mark.parametrize(("answer", "said"), [("no", "no value"), ("unknown", "cannot be told")])
def test_any_other_answer_is_the_first_line_too(answer: str, said: str) -> None:
    first = printed(found(a_row(), answer=answer)).splitlines()[0]

    assert said in first
    assert "41m" not in first


def test_each_command_is_printed_once_and_in_one_piece() -> None:
    text = printed(found(a_row("missing", remedy=LONG), a_row("missing", remedy=LONG)))

    assert text.count("az role assignment create") == 1
    assert LONG in text


def test_what_it_has_is_counted_and_listed_only_when_asked_for() -> None:
    clean = found(a_row(), a_row())

    assert "2 have." in printed(clean)
    assert "keys/read" not in printed(clean)
    assert "keys/read" in printed(clean, everything=True)
    assert "What to do next" not in printed(clean)


def test_an_identity_that_is_not_known_is_said_to_be_so() -> None:
    assert "could not be found out" in printed(found(a_row(), object_id=None))


def test_text_from_the_cloud_is_no_markup() -> None:
    assert "[red]x[/red]" in printed(found(a_row("unknown", why="[red]x[/red]")))


def test_a_program_gets_one_document() -> None:
    document = json.loads(as_json(found(a_row())))

    assert document["check"]["could_read_values"] == "no"
    assert document["permissions"] == [a_row()]


class FakeApi(Client):
    """Answers as the gateway would: the check of each question in turn, the last one for ever."""

    def __init__(self, *began: str | None, pages: int = 1) -> None:
        self.began, self.pages = list(began), pages
        self.posted: list[str] = []

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        assert body == {}
        self.posted.append(path)
        return {"requested_at": "2026-11-24T12:00:00+00:00"}

    def get(self, path: str, **params: str | int | None) -> dict[str, Any]:
        assert path == "/permissions"
        began = self.began.pop(0) if len(self.began) > 1 else self.began[0]
        check = {**found().check, "began_at": began, "id": began} if began else None
        page = int(params.get("cursor") or 1)
        following = str(page + 1) if page < self.pages else None
        return {"check": check, "data": [a_row(n=page)], "meta": {"next_cursor": following}}


BEFORE, AFTER = "2026-11-24T11:59:59+00:00", "2026-11-24T12:00:01+00:00"


def look(api: Client, **how: Any) -> Findings:
    given = {"look": True, "progress": Console(file=io.StringIO()), **how}
    return examine(api, pause=lambda _: None, **given)


def test_an_older_result_is_not_taken_for_the_answer() -> None:
    api = FakeApi(None, BEFORE, BEFORE, AFTER, pages=3)

    findings = look(api)

    assert api.posted == ["/permissions/check"]
    assert findings.check["began_at"] == AFTER
    assert [row["n"] for row in findings.rows] == [1, 2, 3]


def test_the_last_result_needs_no_new_look() -> None:
    api = FakeApi(BEFORE)

    assert look(api, look=False).check["began_at"] == BEFORE
    assert api.posted == []


def test_without_any_result_the_last_one_is_a_sentence() -> None:
    with pytest.raises(PermanentError, match="Nothing was checked yet"):
        look(FakeApi(None), look=False)


def test_a_look_that_does_not_end_is_a_sentence() -> None:
    with pytest.raises(TransientError, match="doctor --last"):
        look(FakeApi(BEFORE))


def test_another_check_that_ends_between_two_pages_is_a_sentence() -> None:
    with pytest.raises(TransientError, match="run the command again"):
        look(FakeApi(AFTER, AFTER, "2026-11-24T12:00:05+00:00", pages=2))
