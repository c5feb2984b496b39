"""How plans, rotations and credentials are shown to people."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, Final

from rich.console import Console
from rich.table import Table

Document = dict[str, Any]

DAYS_FROM_HOURS: Final = 72
_SECONDS_OF_AN_INSTANT: Final = 19


def span(seconds: int) -> str:
    """Return a span of time in the unit that people count it in.

    >>> span(172_800), span(7_776_000), span(60)
    ('48 hours', '90 days', '60 seconds')
    """
    hours = timedelta(seconds=seconds) / timedelta(hours=1)
    if hours > DAYS_FROM_HOURS:
        return f"{hours / 24:g} days"
    return f"{hours:g} hours" if hours >= 1 else f"{seconds} seconds"


def plan_lines(document: Document, plan_hash: str) -> Iterator[str]:
    """Yield a plan in lines: what is replaced and written, the steps, what stands against it."""
    replaced = document["replaces"] or "nothing that is known"
    emergency = " in an emergency" if document["emergency"] else ""
    yield f"Replaces {replaced} of {document['target']}{emergency}."
    yield (
        f"The new credential lives {span(document['lifetime_seconds'])}; the old one works on for"
        f" {span(document['overlap_seconds'])}."
    )
    yield "Writes:"
    for place in document["places"]:
        after = f" after version {place['version']}" if place["version"] else ""
        yield f"  “{place['name']}” in {place['vault']}{after}"
    yield "Steps:"
    yield from (f"  {number}. {step}" for number, step in enumerate(document["steps"], 1))
    yield from (f"Warning: {sentence}" for sentence in document["warnings"])
    yield from (f"Cannot be done: {sentence}" for sentence in document["refusals"])
    yield f"Digest: {plan_hash}"


def rotation_lines(found: Document) -> Iterator[str]:
    """Yield one rotation in lines: where it is, why, what can be done, how it came there."""
    kind = "Emergency rotation" if found["emergency"] else "Rotation"
    yield f"{kind} {found['id']} of {found['container']}/{found['name']}: {found['state']}"
    yield f"Asked for by {found['requested_by']} at {_instant(found['requested_at'])}."
    if found["approval_required"]:
        yield f"Approved by {found['approved_by'] or 'nobody yet'}."
    if found["reason"]:
        yield f"Reason: {found['reason']}"
    if found["overlap_ends_at"]:
        yield f"The old credential is kept until {_instant(found['overlap_ends_at'])}."
    yield found["recourse"]["sentence"]
    yield from (
        f"  “{one['name']}” in {one['vault_url']}{_version(one)}" for one in found["places"]
    )
    yield from (f"  {step_line(step)}" for step in found["steps"])


def step_line(step: Document) -> str:
    """Return one change of a rotation's state."""
    why = f" ({step['reason']})" if step["reason"] else ""
    return f"{_instant(step['at'])} {step['previous_state']} → {step['state']}{why}"


def print_lines(lines: Iterable[str], console: Console) -> None:
    """Print lines as they are: brackets in a name are no markup."""
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def print_rotations(rows: Iterable[Document], console: Console) -> None:
    """Print a table of rotations."""
    table = Table("id", header_style="bold")
    table.columns[0].no_wrap = True
    for column in ("credential", "state", "asked for by", "reason"):
        table.add_column(column, overflow="fold")
    for one in rows:
        name = f"{one['container']}/{one['name']}"
        table.add_row(one["id"], name, one["state"], one["requested_by"], one["reason"] or "")
    console.print(table)


def print_credentials(rows: Iterable[Document], console: Console) -> None:
    """Print a table of credentials with the secrets that hold them."""
    table = Table("id", header_style="bold")
    table.columns[0].no_wrap = True
    for column in ("credential", "state", "secrets"):
        table.add_column(column, overflow="fold")
    for one in rows:
        secrets = "\n".join(f"{place['vault_url']}{place['name']}" for place in one["places"])
        table.add_row(one["id"], f"{one['container']}/{one['name']}", one["state"], secrets)
    console.print(table)


def _version(place: Document) -> str:
    version = place["reverted_version"] or place["new_version"]
    return f": version {version}" if version else ""


def _instant(text: str) -> str:
    return text[:_SECONDS_OF_AN_INSTANT].replace("T", " ")
