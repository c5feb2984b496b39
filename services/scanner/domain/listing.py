"""A page of a listing whose items are read only when they are needed.

Most looks find what the last one found. So an entry knows its name and a digest of what the cloud
said about it, and becomes an `Item` when it is asked to.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Self

import msgspec
import orjson

from services.scanner.domain.directory import DirectoryObject
from services.scanner.domain.inventory import Item

DIGEST_SIZE: Final = 16


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One item of a listing. Equal digests mean that the cloud said the same about it.

    `reader` makes the item of its name and of what the cloud said. It raises the errors of
    `shared.clouds.errors` where that cannot be understood.

    Hundreds of thousands are held at once, and none is part of a cycle: the garbage collector is
    spared them, or it would walk over all of them again and again.
    """

    external_id: str
    digest: bytes
    said: bytes
    reader: Callable[[str, bytes], Item]

    @classmethod
    def of(cls, item: Item) -> Self:
        """Return the entry of an item that is read already."""
        said = orjson.dumps(item, option=orjson.OPT_SORT_KEYS)
        return cls(item.external_id, digest(said), b"", lambda _, __: item)

    def read(self) -> Item:
        """Return the item."""
        return self.reader(self.external_id, self.said)


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries of a listing, in its order. Iterating reads the items.

    `objects` are the directory's applications and service principals; a vault has none. A page
    without anything says that the listing goes on.
    """

    entries: tuple[Entry, ...] = ()
    objects: tuple[DirectoryObject, ...] = ()

    @classmethod
    def of(cls, items: Iterable[Item] = (), objects: Iterable[DirectoryObject] = ()) -> Self:
        """Return a page of what is read already."""
        return cls(tuple(Entry.of(item) for item in items), tuple(objects))

    def __iter__(self) -> Iterator[Item]:
        return (entry.read() for entry in self.entries)

    def __len__(self) -> int:
        return len(self.entries)


def digest(said: bytes) -> bytes:
    """Return a short digest of what a cloud said about an item."""
    return blake2b(said, digest_size=DIGEST_SIZE).digest()
