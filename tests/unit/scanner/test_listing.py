"""A page of a listing: entries know their name and digest, and read their item when asked."""

from services.scanner.domain.inventory import Item
from services.scanner.domain.listing import Entry, Page
from tests.support.scanner import an_item


def test_a_page_reads_its_items_only_when_they_are_asked_for() -> None:
    reads: list[str] = []

    def entry(name: str) -> Entry:
        def read(_: str, said: bytes) -> Item:
            reads.append(said.decode())
            return an_item(name)

        return Entry(f"secrets/{name}", b"", name.encode(), read)

    page = Page((entry("a"), entry("b")))

    assert len(page) == 2
    assert [one.external_id for one in page.entries] == ["secrets/a", "secrets/b"]
    assert reads == []
    assert list(page) == [an_item("a"), an_item("b")]
    assert reads == ["a", "b"]


def test_equal_items_have_equal_digests_and_different_ones_do_not() -> None:
    one, same, other = (
        an_item(tags={"a": "1", "b": "2"}),
        an_item(tags={"b": "2", "a": "1"}),
        an_item(),
    )

    assert Entry.of(one).digest == Entry.of(same).digest
    assert Entry.of(one).digest != Entry.of(other).digest
