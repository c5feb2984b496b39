"""Between details and the column `scanner.item_detail.facts`: a typed document for each part."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from services.scanner.domain.detail import (
    CertificateDetail,
    CertificatePolicy,
    Fact,
    KeyDetail,
    Operation,
    Part,
    RotationPolicy,
)

_PARTS: Final[Mapping[Part, TypeAdapter[Any]]] = {
    Part.KEY: TypeAdapter(KeyDetail | None),
    Part.ROTATION_POLICY: TypeAdapter(RotationPolicy | None),
    Part.CERTIFICATE: TypeAdapter(CertificateDetail | None),
    Part.POLICY: TypeAdapter(CertificatePolicy | None),
    Part.OPERATION: TypeAdapter(Operation | None),
}


def to_document(parts: Mapping[Part, Fact | None]) -> dict[str, Any]:
    """Return the parts as JSON can write them."""
    return {part.value: _PARTS[part].dump_python(fact, mode="json") for part, fact in parts.items()}


def to_parts(document: Mapping[str, Any]) -> dict[Part, Fact | None]:
    """Return the parts of a stored document; one that a later release added is passed over."""
    return {
        part: adapter.validate_python(document[part])
        for part, adapter in _PARTS.items()
        if part in document
    }
