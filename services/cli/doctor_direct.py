"""`doctor` straight against a tenant: no platform, no database, the current credential."""

import asyncio
from dataclasses import asdict
from typing import Any

from services.cli.direct import DirectVariables
from services.cli.doctor_output import Findings
from services.scanner.app import examine_directly
from services.scanner.domain.permission_row import State
from services.scanner.steps.doctor import Examined
from shared.clock import utc_now
from shared.clouds import from_variables
from shared.settings import load_settings


def examine() -> Findings:
    """Examine whoever AZURE_CREDENTIAL names: by default the person who ran `az login`."""
    began_at = utc_now()
    examined = asyncio.run(examine_directly(from_variables(load_settings(DirectVariables))))
    answers = {one.resource_id: one.could_read_values for one in examined.verdict.vaults}
    rows = [
        {"n": n, **asdict(row), "could_read_values": answers.get(row.scope)}
        for n, row in enumerate(examined.verdict.rows, start=1)
    ]
    times = {"began_at": began_at.isoformat(), "finished_at": utc_now().isoformat()}
    return Findings(check={**times, **_check(examined)}, rows=rows)


def _check(examined: Examined) -> dict[str, Any]:
    identity, verdict = examined.identity, examined.verdict
    return {
        "could_read_values": verdict.could_read_values.value,
        "vaults": len(verdict.vaults),
        **{state.value: verdict.count(state) for state in State if state not in _HELD},
        "object_id": identity.object_id if identity else None,
        "client_id": identity.client_id if identity else None,
        "tenant_id": identity.tenant_id if identity else None,
    }


_HELD = (State.HAVE, State.NEEDED)
