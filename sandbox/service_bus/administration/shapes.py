"""Between entities and their descriptions."""

import re
from collections.abc import Mapping
from typing import Any, Final, get_args
from xml.etree import ElementTree as ET

from sandbox.service_bus.administration import atom
from sandbox.service_bus.entities.entity import Entity
from sandbox.service_bus.entities.options import Options, Status
from sandbox.service_bus.entities.queue import Queue
from sandbox.service_bus.entities.rules import CorrelationFilter, FalseFilter, Filter, TrueFilter
from sandbox.service_bus.entities.topic import Subscription, Topic

_MEGABYTE: Final = 1024 * 1024
_WINDOW_SECONDS: Final = 600.0
# The longest time that .NET knows; it stands for ever.
_FOR_EVER: Final = "P10675199DT2H48M5.4775807S"
_LONGEST_SECONDS: Final = 10_675_199 * 86_400.0
_DURATION: Final = re.compile(
    r"P(?:(?P<d>\d+)D)?(?:T(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?)?"
)
_UNITS: Final = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_CORRELATION: Final = {
    "CorrelationId": "correlation_id",
    "MessageId": "message_id",
    "To": "to",
    "ReplyTo": "reply_to",
    "Label": "label",
    "SessionId": "session_id",
    "ReplyToSessionId": "reply_to_session_id",
    "ContentType": "content_type",
}


def options(values: Mapping[str, str]) -> Options:
    """Return the settings that a description asks for. Raises `ValueError` for impossible ones."""
    if values.get("RequiresSession") == "true":
        raise ValueError("Sessions are not part of this emulator.")
    status = values.get("Status", "Active")
    if status not in get_args(Status):
        raise ValueError(f"The status '{status}' is unknown.")
    window = _seconds(values.get("DuplicateDetectionHistoryTimeWindow"))
    living = _seconds(values.get("DefaultMessageTimeToLive"))
    return Options(
        lock_seconds=_seconds(values.get("LockDuration")) or 60.0,
        max_delivery_count=int(values.get("MaxDeliveryCount", "10")),
        seconds_to_live=None if living is None or living >= _LONGEST_SECONDS else living,
        dead_letter_on_expiry=values.get("DeadLetteringOnMessageExpiration") == "true",
        duplicate_window=(window or _WINDOW_SECONDS)
        if values.get("RequiresDuplicateDetection") == "true"
        else None,
        forward_to=values.get("ForwardTo") or None,
        forward_dead_letters_to=values.get("ForwardDeadLetteredMessagesTo") or None,
        max_bytes=int(values.get("MaxSizeInMegabytes", "1024")) * _MEGABYTE,
        status=status,  # type: ignore[arg-type] # it is one of them
        user_metadata=values.get("UserMetadata"),
    )


def described(entity: Entity) -> ET.Element:
    """Return an entity's description, with what is in it at this moment."""
    common: dict[str, Any] = _of_all(entity)
    if isinstance(entity, Topic):
        common["SubscriptionCount"] = len(entity.subscriptions)
        return atom.description("TopicDescription", common)
    kind = "SubscriptionDescription" if isinstance(entity, Subscription) else "QueueDescription"
    found = atom.description(kind, common)
    if isinstance(entity, Queue):
        found.append(_counts(entity))
    return found


def rule_in(description: ET.Element) -> Filter:
    """Return the filter of a rule's description. Raises `ValueError` for one in SQL."""
    found = description.find(f"{{{atom.CONNECT}}}Filter")
    kind = "" if found is None else found.get(atom.TYPE, "").rpartition(":")[2]
    if found is None or kind == "TrueFilter":
        return TrueFilter()
    if kind == "FalseFilter":
        return FalseFilter()
    if kind != "CorrelationFilter":
        raise ValueError(f"A {kind or 'filter'} is not part of this emulator.")
    given = {_CORRELATION[n]: text for n, text in atom.texts(found).items() if n in _CORRELATION}
    properties = found.find(f"{{{atom.CONNECT}}}Properties")
    pairs = [list(pair) for pair in (() if properties is None else properties)]
    return CorrelationFilter(
        **given, properties={key.text or "": value.text for key, value in pairs}
    )


def described_rule(name: str, rule: Filter) -> ET.Element:
    """Return a rule's description."""
    found = atom.description("RuleDescription", {})
    values: dict[str, object] = {}
    if isinstance(rule, CorrelationFilter):
        values = {written: getattr(rule, field) for written, field in _CORRELATION.items()}
    elif isinstance(rule, TrueFilter):
        values = {"SqlExpression": "1=1", "CompatibilityLevel": 20}
    element = atom.description("Filter", values)
    element.set(atom.TYPE, type(rule).__name__)
    found.append(element)
    ET.SubElement(found, f"{{{atom.CONNECT}}}Action", {atom.TYPE: "EmptyRuleAction"})
    ET.SubElement(found, f"{{{atom.CONNECT}}}Name").text = name
    return found


def _of_all(entity: Entity) -> dict[str, Any]:
    settings = entity.options
    window = settings.duplicate_window
    return {
        "LockDuration": _iso(settings.lock_seconds),
        "MaxSizeInMegabytes": settings.max_bytes // _MEGABYTE,
        "RequiresDuplicateDetection": window is not None,
        "RequiresSession": False,
        "DefaultMessageTimeToLive": _FOR_EVER
        if settings.seconds_to_live is None
        else _iso(settings.seconds_to_live),
        "DeadLetteringOnMessageExpiration": settings.dead_letter_on_expiry,
        "DeadLetteringOnFilterEvaluationExceptions": True,
        "DuplicateDetectionHistoryTimeWindow": _iso(window or _WINDOW_SECONDS),
        "MaxDeliveryCount": settings.max_delivery_count,
        "SizeInBytes": entity.size,
        "MessageCount": sum(_counted(entity).values()) if isinstance(entity, Queue) else 0,
        "Status": settings.status,
        "ForwardTo": settings.forward_to,
        "UserMetadata": settings.user_metadata,
        "CreatedAt": entity.created.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "UpdatedAt": entity.updated.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "ForwardDeadLetteredMessagesTo": settings.forward_dead_letters_to,
    }


def _counts(queue: Queue) -> ET.Element:
    found = ET.Element(f"{{{atom.CONNECT}}}CountDetails")
    for name, count in _counted(queue).items():
        ET.SubElement(found, f"{{{atom.COUNTS}}}{name}").text = str(count)
    return found


def _counted(queue: Queue) -> dict[str, int]:
    """Return how many messages are in a queue, by where they are in it."""
    return {
        "ActiveMessageCount": queue.count,
        "DeadLetterMessageCount": queue.dead_letters.count,
        "ScheduledMessageCount": len(queue.schedule),
        "TransferDeadLetterMessageCount": queue.transfer_dead_letters.count,
        "TransferMessageCount": 0,
    }


def _seconds(text: str | None) -> float | None:
    """Return an ISO 8601 duration in seconds. Raises `ValueError` for what is none."""
    if not text:
        return None
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' is no duration such as PT30S.")
    return sum(float(part) * _UNITS[unit] for unit, part in found.groupdict().items() if part)


def _iso(seconds: float) -> str:
    return f"PT{seconds:.0f}S"
