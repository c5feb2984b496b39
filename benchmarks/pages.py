"""The pages of the inventory that are measured: their filters, and where in the list they begin."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from services.gateway.domain.cursor import Cursor
from services.gateway.domain.filters import ItemFilter, ItemStatus, parse_items
from services.gateway.domain.scope import Scope
from services.gateway.queries.item_filter import conditions
from services.gateway.queries.reach import reach_of_filter
from services.gateway.queries.sql import Conditions
from shared.database import Connection

Params: TypeAlias = dict[str, str]
VAULTS: Final = 2000
SUBSCRIPTIONS: Final = 50
TEAMS: Final = 40
_PREFIXES: Final = ("pay", "log sftp", "iot", "web red", "crm token", "fraud")
# Rows of the list itself, from anywhere in its order: a page that went on after a row outside the
# list could be an empty one, and quick.
_SOMEWHERE: Final = """
    SELECT i.exp_sort, nullif(i.exp_sort, 'infinity') AS expires_on, i.name, i.changed_at, i.id
      FROM scanner.v_item_key AS i WHERE {conditions}
     ORDER BY hashint8extended(i.id, 7) LIMIT 60
"""
SEARCH_SECONDS: Final = 60.0


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


class Places:
    """Where pages of one scope may begin; each list is looked through once."""

    def __init__(self, conn: Connection, scope: Scope | None) -> None:
        self._conn = conn
        self._scope = scope
        self._known: dict[str, list[Cursor]] = {}

    async def throw(self, params: Params, dice: random.Random, *, deep: bool) -> Asked:
        """Throw a request: for a list's first page, or for one that goes on inside it."""
        asked = parse_items(
            vault=_listed(params, "vault"),
            subscription=_listed(params, "subscription"),
            tag=_listed(params, "tag"),
            status=_listed(params, "status"),
            q=params.get("q", ""),
            sort=params.get("sort", "expires_on"),
        )
        inside = await self._cursors(asked) if deep else []
        return Asked(params, asked, dice.choice(inside) if inside else None)

    async def _cursors(self, asked: ItemFilter) -> list[Cursor]:
        known = self._known.get(asked.question)
        if known is None:
            reach = await reach_of_filter(self._conn, asked, self._scope)
            found = conditions(Conditions(), asked, reach)
            sql = _SOMEWHERE.format(conditions=found.where())
            rows = await self._conn.fetch(sql, *found.arguments, timeout=SEARCH_SECONDS)
            known = [Cursor(row[asked.sort.key], str(row["id"])) for row in rows]
            self._known[asked.question] = known
        return known


def _listed(params: Params, name: str) -> tuple[str, ...]:
    return (params[name],) if name in params else ()
