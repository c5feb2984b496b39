"""The audit log as people read it, and as they take it away."""

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from services.cli.audit import commands
from services.gateway.domain.csv_cell import plain
from services.gateway.domain.role import Role
from services.gateway.steps.export_audit import COLUMNS
from shared.audit import Action, AuditEntry, record
from tests.support.gateway import Gateway

AUDIT = "/api/v1/audit"
EXPORT = f"{AUDIT}/export"


async def sealed(gateway: Gateway) -> None:
    """Let the sealer seal and sign what there is."""
    [task] = [task for task in gateway.service.tasks if task.name == "audit sealer"]
    running = asyncio.create_task(task.run())  # type: ignore[arg-type]
    unsealed = "SELECT count(*) FROM audit.entry WHERE id NOT IN (SELECT entry_id FROM audit.seal)"
    while await gateway.pool.fetchval(unsealed):  # noqa: ASYNC110 - rows of a database
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def written(gateway: Gateway, **more: Any) -> None:
    entry = {"action": Action.SCAN_REQUESTED, "actor": "ada", "subject": "a scan", **more}
    async with gateway.pool.transaction() as conn:
        await record(conn, AuditEntry(**entry))


async def test_entries_come_newest_first_page_by_page_and_filtered(gateway: Gateway) -> None:
    for number in range(5):
        await written(gateway, subject=f"scan {number}")
    await written(gateway, action=Action.ACCESS_DENIED, actor="eve", outcome="refused")
    async with await gateway.signed_in(Role.AUDITOR) as http:
        first = (await http.get(AUDIT, params={"actor": "ada", "limit": 3})).json()
        cursor = first["meta"]["next_cursor"]
        second = (
            await http.get(AUDIT, params={"actor": "ada", "limit": 3, "cursor": cursor})
        ).json()
        refused = (await http.get(AUDIT, params={"outcome": "refused"})).json()["data"]
        sessions = (await http.get(AUDIT, params={"action": "session"})).json()["data"]
        one = (await http.get(AUDIT, params={"action": "session:opened"})).json()["data"]
        other = await http.get(AUDIT, params={"actor": "eve", "cursor": cursor})
        future = (await http.get(AUDIT, params={"from": "2999-01-01T00:00:00Z"})).json()["data"]
        naive = await http.get(AUDIT, params={"from": "2026-01-01T00:00:00"})

    subjects = [entry["subject"] for entry in (*first["data"], *second["data"])]
    assert subjects == [f"scan {number}" for number in (4, 3, 2, 1, 0)]
    assert second["meta"]["next_cursor"] is None
    assert [(entry["actor"], entry["position"]) for entry in refused] == [("eve", None)]
    assert [entry["action"] for entry in sessions] == ["session:opened"]
    assert one == sessions
    assert (other.status_code, naive.status_code) == (422, 422)
    assert future == []


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.VIEWER, 403), (Role.OPERATOR, 403), (Role.APPROVER, 403), (Role.AUDITOR, 200)],
)
async def test_only_auditors_and_administrators_read_it(
    gateway: Gateway, role: Role, status: int
) -> None:
    async with await gateway.signed_in(role) as http:
        found = [(await http.get(path)).status_code for path in (AUDIT, EXPORT)]

    assert found == [status, status]


async def test_an_export_is_verified_by_the_command_line_alone(
    gateway: Gateway, tmp_path: Path
) -> None:
    await written(gateway, reason="it was “asked” for")
    async with await gateway.signed_in(Role.AUDITOR) as http:
        await sealed(gateway)
        answer = await http.get(EXPORT)
    folder, file = tmp_path / "audit", tmp_path / "audit.jsonl"
    file.write_bytes(answer.content)
    words = ["verify", str(file), "--key", str(folder / "public-key.pem")]
    proof = ["--checkpoints", str(folder / "checkpoints.jsonl"), "--json"]
    run = CliRunner()
    whole = run.invoke(commands, [*words, *proof])
    alone = run.invoke(commands, words)
    lines = answer.content.splitlines(keepends=True)
    sealed_lines = [line for line in lines if b'"seal":null' not in line]
    file.write_bytes(b"".join(sealed_lines[:-1]))
    cut = run.invoke(commands, [*words, *proof])
    file.write_bytes(answer.content.replace(b'"ada"', b'"eve"'))
    forged = run.invoke(commands, words)

    assert answer.headers["content-disposition"] == 'attachment; filename="audit.jsonl"'
    told = json.loads(whole.stdout)
    assert (whole.exit_code, told["intact"], told["sealed"]) == (0, True, len(sealed_lines))
    assert told["checkpoints"] >= 1
    assert "Without checkpoints nobody can tell" in alone.stdout
    assert (cut.exit_code, json.loads(cut.stdout)["intact"]) == (1, False)
    assert (forged.exit_code, "is not what was sealed" in forged.stdout) == (1, True)


async def test_who_takes_the_log_away_is_in_it(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.AUDITOR) as http:
        await http.get(EXPORT, params={"format": "csv"})

    action, _, subject, _ = (await gateway.actions())[-1]
    assert (action, subject) == ("audit:exported", "the audit log")


async def test_a_csv_holds_every_entry_and_no_formula(gateway: Gateway) -> None:
    await written(gateway, subject='=HYPERLINK("https://evil.test")', reason="one\r\n@two")
    async with await gateway.signed_in(Role.AUDITOR) as http:
        answer = await http.get(EXPORT, params={"format": "csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))

    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == await gateway.pool.fetchval("SELECT count(*) FROM audit.entry")
    scan = next(row for row in rows if row["action"] == "scan:requested")
    assert scan["subject"] == '\'=HYPERLINK("https://evil.test")'
    assert scan["reason"] == "one\r\n@two"


async def test_one_export_runs_at_a_time(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.AUDITOR) as http:
        async with gateway.parts.export_audit.gate:
            busy = await http.get(EXPORT)
        free = await http.get(EXPORT)

    assert (busy.status_code, free.status_code) == (503, 200)
    assert busy.headers["retry-after"] == "30"


@given(text=st.text())
@example(text="=1+1")
@example(text="\t=1")
@example(text="-2")
def test_no_cell_is_a_formula_and_nothing_of_it_is_lost(text: str) -> None:
    cell = plain(text)

    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cell in {text, f"'{text}"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing.jsonl", "cannot be read"),
        ("garbage.jsonl", "Is it the right file?"),
        ("key.pem", "no Ed25519 public key"),
    ],
)
def test_what_cannot_be_verified_is_a_sentence(tmp_path: Path, name: str, words: str) -> None:
    log, key = tmp_path / "log.jsonl", tmp_path / "key.pem"
    log.write_bytes(b"" if name == "key.pem" else b"\xff not json\n")
    key.write_text("-----BEGIN NOTHING-----" if name == "key.pem" else PUBLIC)
    if name == "nothing.jsonl":
        log.unlink()
    found = CliRunner().invoke(commands, ["verify", str(log), "--key", str(key)])

    assert found.exit_code != 0
    assert words in str(found.exception)


PUBLIC = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""
