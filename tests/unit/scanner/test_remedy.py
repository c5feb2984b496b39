"""What a remedy names is found in the cloud that it is for."""

import re
from pathlib import Path

import pytest

from services.scanner.domain.permission_catalogue import DISCOVERY
from services.scanner.domain.permission_judge import judge
from services.scanner.domain.permission_row import State
from services.scanner.domain.remedy import Assignee, remedy
from shared.clouds import CloudSettings
from shared.clouds.settings import china, public, sandbox, usgov
from shared.events.scanning import VaultOutcome
from tests.support.permissions import NO, an_identity, the_facts

each_cloud = pytest.mark.parametrize(
    "cloud",
    [public(), usgov(), china(), sandbox(port=8443, ca_file=Path("ca.pem"))],
    ids=lambda cloud: cloud.name,
)


def addresses(text: str | None) -> set[str]:
    return set(re.findall(r"https://[^/\" ]+", text or ""))


@each_cloud
def test_the_directory_is_opened_at_microsoft_graphs_address_in_its_cloud(
    cloud: CloudSettings,
) -> None:
    command = remedy(VaultOutcome.DENIED, None, Assignee("discover-id", cloud.graph))

    assert command
    assert "Application.Read.All" in command
    assert 'az ad sp show --id "discover-id"' in command
    assert addresses(command) == {cloud.graph}


@each_cloud
def test_the_doctor_grants_and_revokes_at_microsoft_graphs_address_in_its_cloud(
    cloud: CloudSettings,
) -> None:
    identity = an_identity(graph_roles=frozenset({"Application.ReadWrite.All"}))
    facts = the_facts(graph=cloud.graph, identity=identity, applications=NO)

    rows = [row for row in judge(DISCOVERY, facts).rows if row.scope == "Microsoft Graph"]

    assert {row.state for row in rows} == {State.MISSING, State.EXCESS}
    for row in rows:
        assert addresses(row.remedy) == {cloud.graph}
