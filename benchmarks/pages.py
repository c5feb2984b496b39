"""The pages of the inventory that are measured: their filters, and where in the list they begin."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from services.gateway.domain.cursor import Cursor
from services.gateway.domain.filters import ItemFilter, ItemStatus, parse_items
from shared.database import Connection

Params: TypeAlias = dict[str, str]
VAULTS: Final = 2000
SUBSCRIPTIONS: Final = 50
TEAMS: Final = 40
_PREFIXES: Final = ("pay", "log sftp", "iot", "web red", "crm token", "fraud")
# A row somewhere in the list's order: its key and id are where a page goes on.
_SOMEWHERE: Final = """
    SELECT i.exp_sort, i.expires_on, i.name, i.changed_at, i.id
      FROM scanner.v_item AS i
     WHERE i.id >= $1 AND i.deleted_at IS NULL ORDER BY i.id LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Question:
    """A kind of page; `params` throws one of its queries."""

    name: str
    params: Callable[[random.Random], Params]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its query, the same as the gateway understands it, and where it goes on."""

    params: Params
    filter: ItemFilter
    cursor: Cursor | None


def questions() -> list[Question]:
    """Return every kind of page."""
    found = [
        Question("expiry", lambda _: {}),
        Question("vault", lambda dice: {"vault": str(dice.randint(1, VAULTS))}),
        Question("subscription", _subscription),
        Question("tag", lambda dice: {"tag": f"team:team-{dice.randrange(TEAMS)}"}),
        Question("prefix", lambda dice: {"q": dice.choice(_PREFIXES)}),
        Question("name", lambda _: {"sort": "name"}),
        Question("changed", lambda _: {"sort": "-changed_at"}),
    ]
    return found + [
        Question(status.value.replace("_", "-"), _status(status)) for status in ItemStatus
    ]


def _subscription(dice: random.Random) -> Params:
    return {"subscription": f"Contoso {dice.randint(1, SUBSCRIPTIONS)}"}


def _status(status: ItemStatus) -> Callable[[random.Random], Params]:
    return lambda _: {"status": status.value}


async def at(
    conn: Connection, question: Question, dice: random.Random, last_id: int | None
) -> Asked:
    """Throw a request: for the first page, or with `last_id` for one that goes on elsewhere."""
    params = question.params(dice)
    asked = parse_items(
        vault=_listed(params, "vault"),
        subscription=_listed(params, "subscription"),
        tag=_listed(params, "tag"),
        status=_listed(params, "status"),
        q=params.get("q", ""),
        sort=params.get("sort", "expires_on"),
    )
    if last_id is None:
        return Asked(params, asked, None)
    row = await conn.fetchrow(_SOMEWHERE, dice.randint(1, last_id))
    return Asked(params, asked, Cursor(row[asked.sort.key], str(row["id"])) if row else None)


def _listed(params: Params, name: str) -> tuple[str, ...]:
    return (params[name],) if name in params else ()
