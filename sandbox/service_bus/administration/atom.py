"""ATOM entries and feeds as the administration API writes them.

Service Bus REST API, "ATOM feed and entry"; the names of the elements are those of the
descriptions there ("QueueDescription" and so on).
"""

from collections.abc import Iterable, Mapping
from typing import Final
from xml.etree import ElementTree as ET

ATOM: Final = "http://www.w3.org/2005/Atom"
CONNECT: Final = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"
COUNTS: Final = "http://schemas.microsoft.com/netservices/2011/06/servicebus"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
TYPE: Final = f"{{{XSI}}}type"


def description_in(body: bytes) -> ET.Element:
    """Return the description that an entry holds. Raises `ValueError` where there is none."""
    try:
        entry = ET.fromstring(body)  # noqa: S314 - from a client on this machine, which it serves
    except ET.ParseError as error:
        raise ValueError(f"The body is no XML: {error}.") from error
    content = entry.find(f"{{{ATOM}}}content")
    if content is None or not len(content):
        raise ValueError("The entry holds no description.")
    return content[0]


def texts(description: ET.Element) -> dict[str, str]:
    """Return the text of each element, by its name without namespace."""
    return {_name(child): child.text or "" for child in description}


def entry(title: str, description: ET.Element) -> ET.Element:
    """Return an entry with a description."""
    found = ET.Element(f"{{{ATOM}}}entry")
    ET.SubElement(found, f"{{{ATOM}}}title", type="text").text = title
    content = ET.SubElement(found, f"{{{ATOM}}}content", type="application/xml")
    content.append(description)
    return found


def feed(title: str, entries: Iterable[ET.Element], more: str | None) -> ET.Element:
    """Return a feed; `more` is where its next page is."""
    found = ET.Element(f"{{{ATOM}}}feed")
    ET.SubElement(found, f"{{{ATOM}}}title", type="text").text = title
    ET.SubElement(found, f"{{{ATOM}}}link", rel="self", href="self")
    if more:
        ET.SubElement(found, f"{{{ATOM}}}link", rel="next", href=more)
    found.extend(entries)
    return found


def description(kind: str, values: Mapping[str, object]) -> ET.Element:
    """Return a description's element; what is None is left out."""
    found = ET.Element(f"{{{CONNECT}}}{kind}")
    for name, value in values.items():
        if value is not None:
            ET.SubElement(found, f"{{{CONNECT}}}{name}").text = _text(value)
    return found


def written(element: ET.Element) -> bytes:
    found: bytes = ET.tostring(element, encoding="utf-8", xml_declaration=True)
    return found


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
