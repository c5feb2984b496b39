"""Making the entities of the bus in a namespace, and checking those that are there.

What may be changed later is set as it should be; what may not is refused with a sentence. Making
them again changes nothing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from azure.core.exceptions import ResourceExistsError
from azure.servicebus.aio.management import ServiceBusAdministrationClient
from azure.servicebus.management import CorrelationRuleFilter

from shared.bus.servicebus import entities
from shared.errors import SettingsError

_AT_ONCE: Final = 8
# Fixed when an entity is made (Azure Service Bus, "Duplicate detection").
_FIXED: Final = ("requires_duplicate_detection",)


async def declare(
    client: ServiceBusAdministrationClient, queues: Mapping[str, str], removed: Mapping[str, str]
) -> None:
    """Make topic, queues, subscriptions and rules; remove the subscriptions of `removed`.

    The queue of a removed subscription stays for the operator while it holds messages. Raises
    `SettingsError` for an entity that is there and cannot serve.
    """
    await _topic(client)
    standing = {queue.name: queue async for queue in client.list_queues()}
    subscribed = {one.name: one async for one in client.list_subscriptions(entities.TOPIC)}
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str, wire_type: str) -> None:
        async with turns:
            await _queue(client, name, standing.get(name))
            subscription = subscribed.get(entities.subscription_name(name))
            await _subscription(client, name, wire_type, subscription)

    await asyncio.gather(*(one(name, wire_type) for name, wire_type in queues.items()))
    for name in removed:
        if entities.subscription_name(name) in subscribed:
            await client.delete_subscription(entities.TOPIC, entities.subscription_name(name))
        await _delete_when_empty(client, name)


async def _topic(client: ServiceBusAdministrationClient) -> None:
    wanted = _arguments(entities.topic())
    try:
        await client.create_topic(entities.TOPIC, **wanted)
    except ResourceExistsError:
        standing = await client.get_topic(entities.TOPIC)
        if _adjusted(f"topic {entities.TOPIC}", standing, wanted):
            await client.update_topic(standing)


async def _queue(client: ServiceBusAdministrationClient, name: str, standing: Any) -> None:  # noqa: ANN401 - the SDK's models share no base
    wanted = _arguments(entities.queue())
    if standing is None:
        await client.create_queue(name, **wanted)
    elif _adjusted(f"queue {name}", standing, wanted):
        await client.update_queue(standing)


async def _subscription(
    client: ServiceBusAdministrationClient,
    queue: str,
    wire_type: str,
    standing: Any,  # noqa: ANN401 - as above
) -> None:
    """Make the subscription of a queue, with the one rule that lets its event through."""
    name, wanted = entities.subscription_name(queue), _arguments(entities.subscription(queue))
    if standing is None:
        await client.create_subscription(entities.TOPIC, name, **wanted)
    elif _adjusted(f"subscription {name}", standing, wanted):
        await client.update_subscription(entities.TOPIC, standing)
    rules = {rule.name: rule async for rule in client.list_rules(entities.TOPIC, name)}
    mine = rules.pop(entities.RULE, None)
    if mine is not None and getattr(mine.filter, "label", None) != wire_type:
        await client.delete_rule(entities.TOPIC, name, entities.RULE)
        mine = None
    if mine is None:
        only = CorrelationRuleFilter(label=wire_type)
        await client.create_rule(entities.TOPIC, name, entities.RULE, filter=only)
    for other in rules:  # Service Bus gives a new subscription one that lets everything through
        await client.delete_rule(entities.TOPIC, name, other)


async def _delete_when_empty(client: ServiceBusAdministrationClient, name: str) -> None:
    """Delete a queue that nobody fills any more, unless somebody should look at what is in it."""
    async for found in client.list_queues_runtime_properties():
        if found.name == name and not found.total_message_count:
            await client.delete_queue(name)


def _adjusted(what: str, standing: Any, wanted: Mapping[str, object]) -> bool:  # noqa: ANN401 - as above
    """Set on an entity what differs, and say whether anything did."""
    differing = {key: value for key, value in wanted.items() if not _same(standing, key, value)}
    if fixed := [key for key in differing if key in _FIXED]:
        raise SettingsError(
            f"The Service Bus {what} exists with another {fixed[0]}, which cannot be changed. Use a"
            " namespace of its own for CertifyClouds, or delete the entity if nothing in it is"
            " needed; then run certifyclouds migrate again."
        )
    for key, value in differing.items():
        setattr(standing, key, value)
    return bool(differing)


def _same(standing: Any, key: str, value: object) -> bool:  # noqa: ANN401 - as above
    found = getattr(standing, key)
    if key == "forward_to" and found is not None:
        # Service Bus gives the whole address back: sb://<namespace>/<queue>.
        return str(found).rstrip("/").rpartition("/")[2].lower() == str(value).lower()
    if isinstance(found, timedelta):
        found = entities.duration(found)
    return bool(found == value)


def _arguments(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource type's properties under the names of the client's keywords."""
    return {
        re.sub("[A-Z]", lambda found: f"_{found.group().lower()}", name): value
        for name, value in properties.items()
    }
