"""A digest of a vault's whole listing: the same digest means that nothing has to be written.

It is taken over the entries in the order of their names, so the order of pages does not matter, and
over the version of the code that reads and judges them, so that a release which reads more makes
every vault look new once.
"""

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

import orjson

from services.scanner.domain.directory import DirectoryObject
from services.scanner.domain.listing import DIGEST_SIZE, Entry, digest
from services.scanner.domain.status import DEFAULT, Thresholds

PARSER_VERSION: Final = 3


@dataclass(slots=True)
class Fingerprint:
    """Gathers a listing page by page and keeps a digest for each item.

    An item that shows up on two pages counts once, as it was seen last.
    """

    thresholds: Thresholds = DEFAULT
    _digests: dict[str, bytes] = field(default_factory=dict)
    _objects: dict[str, bytes] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Take one more entry of the listing into account."""
        self._digests[entry.external_id] = entry.digest

    def add_object(self, found: DirectoryObject) -> None:
        """Take one more application or service principal into account."""
        written = orjson.dumps(found, option=orjson.OPT_SORT_KEYS)
        self._objects[found.object_id] = digest(written)

    def external_ids(self) -> list[str]:
        """Return the names of all items, in order."""
        return sorted(self._digests)

    def digest(self) -> bytes:
        """Return the digest of what was added."""
        whole = blake2b(orjson.dumps([PARSER_VERSION, self.thresholds]), digest_size=DIGEST_SIZE)
        for external_id in self.external_ids():
            whole.update(self._digests[external_id])
        for object_id in sorted(self._objects):
            whole.update(self._objects[object_id])
        return whole.digest()
