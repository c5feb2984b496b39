"""What a collection in Graph is asked for: filter, page, count, properties, one expanded relation.

"Use query parameters": one relationship can be expanded in a request, an expansion shows at most 20
objects without a link to more, a page with one holds at most 100 objects whatever `$top` says, and
`$expand` does not go with advanced queries. "Advanced query capabilities": counting needs the
header ConsistencyLevel and `$count=true`; the count is on the first page only.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from sandbox.wire import Document, RefusedError, seal, unseal, whole_number

PAGE: Final = 100
LARGEST_PAGE: Final = 999
LARGEST_EXPANDED_PAGE: Final = 100
EXPANDED: Final = 20
_EQUALS: Final = re.compile(r"(\w+)\s+eq\s+'((?:[^']|'')*)'")
_IS: Final = re.compile(r"(\w+)\s+eq\s+(true|false)")
_STARTS: Final = re.compile(r"startswith\((\w+),\s*'((?:[^']|'')*)'\)", re.IGNORECASE)
_COUNTED: Final = re.compile(r"(owners|federatedIdentityCredentials)/\$count\s+(eq|ne)\s+0")
_EXPAND: Final = re.compile(r"(\w+)(?:\(\$select=([\w,\s]+)\))?")

Refuse = Callable[[int, str, str], RefusedError]
Relation = Callable[[Document], list[Document]]
Test = Callable[[Document], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A collection that can be listed: its documents, and what may be expanded in each."""

    name: str
    address: str
    documents: Sequence[Document]
    relations: Mapping[str, Relation]


@dataclass(frozen=True, slots=True)
class Query:
    """The parameters of one request; `advanced` that its header asks for eventual consistency."""

    given: Mapping[str, str]
    advanced: bool
    refuse: Refuse

    def page(self, collection: Collection) -> Document:
        """Return one page of the collection."""
        relation = self._relation(collection.relations)
        keep = self._filter(collection.relations)
        kept = [document for document in collection.documents if keep(document)]
        start, size = self._start(), self._size(expanded=relation is not None)
        chosen = self.given.get("$select")
        result: Document = {"@odata.context": f"{collection.name}({chosen})"}
        if not chosen:
            result["@odata.context"] = collection.name
        if self.advanced and self.given.get("$count") == "true" and not start:
            result["@odata.count"] = len(kept)
        if start + size < len(kept):
            result["@odata.nextLink"] = f"{collection.address}?{self._following(start + size)}"
        rows = kept[start : start + size]
        result["value"] = [select(row, chosen) | self._expanded(relation, row) for row in rows]
        return result

    def count(self, collection: Collection) -> int:
        """Return how many fit; an advanced query only."""
        if not self.advanced:
            raise self.refuse(
                400,
                "Request_BadRequest",
                "$count is not currently supported without the header ConsistencyLevel: eventual.",
            )
        keep = self._filter(collection.relations)
        return sum(map(keep, collection.documents))

    def _following(self, start: int) -> str:
        rest = [
            f"{key}={quote(value, safe=',')}"
            for key, value in self.given.items()
            if key != "$skiptoken"
        ]
        return "&".join([*rest, f"$skiptoken={seal(f'RFNwdA:{start}')}"])

    def _relation(self, known: Mapping[str, Relation]) -> tuple[str, str | None, Relation] | None:
        text = self.given.get("$expand")
        if text is None:
            return None
        found = _EXPAND.fullmatch(text)
        if found is None or found[1] not in known:
            message = f"Parsing OData Select and Expand failed: Could not expand '{text}'."
            if found is None and text.replace("(", ",").count(",") and "," in text:
                message = "Only one relationship can be expanded in a single request."
            raise self.refuse(400, "Request_BadRequest", message)
        if self.advanced:
            message = "$expand is not supported with advanced queries."
            raise self.refuse(400, "Request_UnsupportedQuery", message)
        return found[1], found[2], known[found[1]]

    def _expanded(
        self, relation: tuple[str, str | None, Relation] | None, row: Document
    ) -> Document:
        if relation is None:
            return {}
        name, chosen, related = relation
        return {name: [select(each, chosen) for each in related(row)[:EXPANDED]]}

    def _size(self, *, expanded: bool) -> int:
        given = self.given.get("$top")
        size = PAGE if given is None else whole_number(given)
        if size is None or not 1 <= size <= LARGEST_PAGE:
            message = (
                f"Invalid page size specified: '{given}'. Must be between 1 and {LARGEST_PAGE}"
                " inclusive."
            )
            raise self.refuse(400, "Request_UnsupportedQuery", message)
        return min(size, LARGEST_EXPANDED_PAGE) if expanded else size

    def _start(self) -> int:
        token = self.given.get("$skiptoken")
        if token is None:
            return 0
        start = whole_number((unseal(token) or "").removeprefix("RFNwdA:"))
        if start is None:
            message = (
                "The specified page token value has expired and can no longer be included in your"
                " request."
            )
            raise self.refuse(400, "Directory_ExpiredPageToken", message)
        return start

    def _filter(self, relations: Mapping[str, Relation]) -> Test:
        """Return the test that a filter stands for."""
        text = self.given.get("$filter", "")
        if not text:
            return lambda _: True
        if found := _EQUALS.fullmatch(text):
            name, value = found[1], found[2].replace("''", "'")
            return lambda document: str(document.get(name)).lower() == value.lower()
        if found := _IS.fullmatch(text):
            name, wanted = found[1], found[2] == "true"
            return lambda document: document.get(name) is wanted
        if found := _STARTS.fullmatch(text):
            name, start = found[1], found[2].replace("''", "'").lower()
            return lambda document: str(document.get(name)).lower().startswith(start)
        found = _COUNTED.fullmatch(text)
        if found and found[1] in relations and self.advanced and "$count" in self.given:
            related, empty = relations[found[1]], found[2] == "eq"
            return lambda document: (not related(document)) is empty
        raise self.refuse(
            400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause."
        )


def select(document: Document, chosen: str | None) -> Document:
    """Return the chosen properties; the type of an owner is always told."""
    if not chosen:
        return document
    names = ["@odata.type", *(name.strip() for name in chosen.split(","))]
    return {name: document[name] for name in names if name in document}
