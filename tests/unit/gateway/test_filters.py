"""A query string becomes a typed question, or a refusal that names the parameter."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.filters import (
    FilterError,
    ItemFilter,
    ItemStatus,
    Sort,
    SortKey,
    parse_items,
    parse_sort,
    search_words,
)
from shared.events import ItemKind


def test_nothing_asked_means_everything_by_expiry() -> None:
    assert parse_items() == ItemFilter(sort=Sort(SortKey.EXPIRES_ON))


def test_values_may_be_repeated_or_joined_by_commas() -> None:
    found = parse_items(
        kind=["secret,key", "secret"],
        status=["expired", "critical"],
        vault=["17,KV-Pay"],
        subscription=["Contoso-Prod"],
        tag=["env:prod", "owner: team:a "],
        q="Pay api_KEY pay",
        sort="-changed_at",
    )

    assert found.kinds == (ItemKind.SECRET, ItemKind.KEY)
    assert found.statuses == (ItemStatus.EXPIRED, ItemStatus.CRITICAL)
    assert (found.vault_ids, found.vault_names) == ((17,), ("kv-pay",))
    assert found.subscriptions == ("contoso-prod",)
    assert found.tags == (("env", "prod"), ("owner", "team:a"))
    assert found.words == ("pay", "api", "key")
    assert found.sort == Sort(SortKey.CHANGED_AT, descending=True)


@pytest.mark.parametrize(
    ("given", "name", "word"),
    [
        ({"kind": ["password"]}, "kind", "certificate"),
        ({"status": ["old"]}, "status", "expired"),
        ({"sort": "size"}, "sort", "changed_at"),
        ({"sort": "--name"}, "sort", "expires_on"),
        ({"tag": ["env"]}, "tag", "key:value"),
        ({"tag": [":prod"]}, "tag", "key:value"),
        ({"tag": ["a:b"] * 51}, "tag", "at most 50"),
        ({"vault": ["x" * 201]}, "vault", "at most 200"),
        ({"vault": ["a\0b"]}, "vault", "printable"),
        ({"q": "x" * 201}, "q", "at most 200"),
        ({"q": " ".join("abcdefghijklmnopq")}, "q", "at most 16"),
        ({"q": " -- "}, "q", "no letter"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    given: dict[str, Any], name: str, word: str
) -> None:
    with pytest.raises(FilterError, match=word) as refused:
        parse_items(**given)

    assert refused.value.name == name


def test_a_long_number_is_a_name_and_not_an_id_beyond_the_database() -> None:
    assert parse_items(vault=["9" * 30]).vault_names == ("9" * 30,)


@given(st.text(max_size=60))
def test_search_words_are_letters_and_digits_only(text: str) -> None:
    try:
        words = search_words(text)
    except FilterError:
        return
    assert all((word.isalnum() and word == word.lower()) or not word.isascii() for word in words)
    assert not any(character in word for word in words for character in " &|!():*'\\<>")


def test_equal_questions_have_equal_texts_and_others_differ() -> None:
    one = parse_items(kind=["key,secret"], tag=["a:b", "c:d"])
    same = parse_items(kind=["secret", "key"], tag=["c:d", "a:b"])
    others = [
        parse_items(kind=["key"], tag=["a:b", "c:d"]),
        parse_items(kind=["key,secret"], tag=["a:b", "c:d"], sort="-expires_on"),
        parse_items(kind=["key,secret"], tag=["a:b", "c:d"], q="x"),
    ]

    assert one.question == same.question
    assert all(other.question != one.question for other in others)


def test_only_names_are_no_instants() -> None:
    assert [parse_sort(key).by_instant for key in ("expires_on", "name", "-changed_at")] == [
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("given", "scarce"),
    [
        ({}, False),
        ({"status": ["healthy"]}, False),
        ({"status": ["not_yet_active"]}, True),
        ({"status": ["healthy"], "sort": "name"}, True),
        ({"sort": "-changed_at"}, False),
        ({"kind": ["key"]}, True),
        ({"tag": ["env:prod"]}, True),
        ({"q": "pay"}, True),
        ({"vault": ["kv-pay"], "managed": False}, False),
    ],
)
def test_what_the_order_tells_nothing_of_may_be_scarce(
    given: dict[str, Any], *, scarce: bool
) -> None:
    assert parse_items(**given).may_be_scarce is scarce
