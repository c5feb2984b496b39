"""What a list is asked for: a query string becomes a typed question, or a clear refusal."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from shared.events import ItemKind

MOST_VALUES: Final = 50
LONGEST_VALUE: Final = 200
MOST_WORDS: Final = 16
_WORD: Final = re.compile(r"[^\W_]+")


class FilterError(ValueError):
    """A parameter that cannot be used: its name, and a sentence that says what can."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}")
        self.name = name
        self.detail = detail


class ItemStatus(StrEnum):
    """How an item stands now; the first that applies, in this order."""

    DISABLED = "disabled"
    NOT_YET_ACTIVE = "not_yet_active"
    NO_EXPIRY = "no_expiry"
    EXPIRED = "expired"
    CRITICAL = "critical"
    WARNING = "warning"
    HEALTHY = "healthy"


class SortKey(StrEnum):
    """What a list of items can be ordered by."""

    EXPIRES_ON = "expires_on"
    NAME = "name"
    CHANGED_AT = "changed_at"


@dataclass(frozen=True, slots=True)
class Sort:
    """An order: what by, and whether the greatest comes first."""

    key: SortKey = SortKey.EXPIRES_ON
    descending: bool = False

    @property
    def by_instant(self) -> bool:
        return self.key is not SortKey.NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFilter:
    """Which items. Values of one kind are alternatives; different kinds must all apply.

    `managed` False leaves out the secret and the key behind each certificate, as counts do.
    """

    kinds: tuple[ItemKind, ...] = ()
    statuses: tuple[ItemStatus, ...] = ()
    vault_ids: tuple[int, ...] = ()
    vault_names: tuple[str, ...] = ()
    subscriptions: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    words: tuple[str, ...] = ()
    managed: bool | None = None
    sort: Sort = Sort()

    @property
    def by_expiry(self) -> bool:
        return self.sort.key is SortKey.EXPIRES_ON

    @property
    def may_be_scarce(self) -> bool:
        """Return whether so few may fit that following the order to them could take long."""
        named = bool(self.words or self.tags or self.kinds)
        out_of_order = bool(self.statuses) and not self.by_expiry
        return named or out_of_order or self.statuses == (ItemStatus.NOT_YET_ACTIVE,)

    @property
    def question(self) -> str:
        """Return the filter and the order as one text; equal questions have equal texts."""
        parts = [
            sorted(self.kinds),
            sorted(self.statuses),
            sorted(self.vault_ids),
            sorted(self.vault_names),
            sorted(self.subscriptions),
            sorted(self.tags),
            sorted(self.words),
            self.managed,
            [self.sort.key, self.sort.descending],
        ]
        return json.dumps(parts)


def parse_items(
    *,
    kind: Sequence[str] = (),
    status: Sequence[str] = (),
    vault: Sequence[str] = (),
    subscription: Sequence[str] = (),
    tag: Sequence[str] = (),
    q: str = "",
    managed: bool | None = None,
    sort: str = "expires_on",
) -> ItemFilter:
    """Return the typed question; raises `FilterError` at the first parameter that is wrong.

    `kind`, `status`, `vault` and `subscription` may be repeated or hold several, with commas.
    """
    vaults = _values("vault", vault)
    return ItemFilter(
        kinds=_words_of(ItemKind, "kind", kind),
        statuses=_words_of(ItemStatus, "status", status),
        vault_ids=tuple(int(value) for value in vaults if _is_id(value)),
        vault_names=tuple(value.lower() for value in vaults if not _is_id(value)),
        subscriptions=tuple(value.lower() for value in _values("subscription", subscription)),
        tags=tuple(_tag(text) for text in _limited("tag", tag)),
        words=search_words(q),
        managed=managed,
        sort=parse_sort(sort),
    )


def parse_sort(text: str) -> Sort:
    """Return the order that `expires_on`, `-changed_at`, … means; a minus turns it round."""
    name = text.removeprefix("-")
    if name not in set(SortKey):
        raise FilterError("sort", f"use one of {', '.join(SortKey)}, with “-” for the reverse.")
    return Sort(SortKey(name), text.startswith("-"))


def search_words(text: str) -> tuple[str, ...]:
    """Return the words of a search in lower case; each finds what begins with it."""
    if len(text) > LONGEST_VALUE:
        raise FilterError("q", f"use at most {LONGEST_VALUE} characters.")
    words = tuple(dict.fromkeys(_WORD.findall(text.lower())))
    if len(words) > MOST_WORDS:
        raise FilterError("q", f"use at most {MOST_WORDS} words.")
    if text.strip() and not words:
        raise FilterError("q", "it holds no letter and no digit to search for.")
    return words


E = TypeVar("E", bound=StrEnum)


def _words_of(enum: type[E], name: str, given: Sequence[str]) -> tuple[E, ...]:
    values = _values(name, given)
    if not set(values) <= set(enum):
        # What was sent is not repeated: it may have been meant for another field.
        raise FilterError(name, f"a value is unknown; use {', '.join(enum)}.")
    return tuple(enum(value) for value in values)


def _values(name: str, given: Sequence[str]) -> tuple[str, ...]:
    """Split at commas, drop what is empty or repeated."""
    parts = (part.strip() for text in given for part in text.split(","))
    return _limited(name, dict.fromkeys(part for part in parts if part))


def _limited(name: str, given: Iterable[str]) -> tuple[str, ...]:
    values = tuple(given)
    if len(values) > MOST_VALUES:
        raise FilterError(name, f"use at most {MOST_VALUES} values.")
    if any(len(value) > LONGEST_VALUE or "\0" in value for value in values):
        raise FilterError(name, f"a value has at most {LONGEST_VALUE} printable characters.")
    return values


def is_storable(text: str) -> bool:
    """Return whether the database can hold a text: no NUL and no half of a character."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _is_id(text: str) -> bool:
    """Return whether a vault is named by its id: Key Vault names begin with a letter."""
    return text.isascii() and text.isdigit() and len(text) < len(str(2**63))


def _tag(text: str) -> tuple[str, str]:
    key, colon, value = text.partition(":")
    if not key.strip() or not colon:
        raise FilterError("tag", "write it as key:value, such as tag=env:prod.")
    return key.strip(), value.strip()
