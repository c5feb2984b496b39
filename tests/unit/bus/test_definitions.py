"""The bus's shape as data, for brokers that other tools prepare."""

import re

import orjson
import pytest

from services.cli.app import main
from shared.bus import topology
from shared.bus.servicebus import entities
from shared.errors import SettingsError


def test_every_subscription_has_a_name_that_service_bus_allows_and_no_other_has() -> None:
    names = [entities.subscription_name(queue) for queue in topology.queues()]

    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= entities.LONGEST_NAME
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]", name) for name in names)


def test_each_event_a_service_hears_is_forwarded_to_its_own_queue_by_its_type() -> None:
    found = topology.definitions("servicebus")

    forwarded = {
        one["properties"]["forwardTo"]: one["rules"][0]["properties"]["correlationFilter"]["label"]
        for one in found["subscriptions"]
    }
    assert forwarded == topology.queues()
    assert {queue["name"] for queue in found["queues"]} == set(topology.queues())
    assert {one["topic"] for one in found["subscriptions"]} == {found["topics"][0]["name"]}


def test_rabbitmq_s_definitions_bind_each_queue_to_its_event() -> None:
    found = topology.definitions("rabbitmq")

    bound = {one["destination"]: one["routing_key"] for one in found["bindings"]}
    assert bound == topology.queues()
    assert {queue["name"] for queue in found["queues"]} >= set(bound)


@pytest.mark.parametrize("bus", ["postgresql", "kafka"])
def test_a_bus_without_definitions_is_refused(bus: str) -> None:
    with pytest.raises(SettingsError, match="there are rabbitmq and servicebus"):
        topology.definitions(bus)


@pytest.mark.parametrize("bus", ["rabbitmq", "servicebus"])
def test_the_command_prints_one_document(bus: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["certifyclouds", "topology", bus])
        with pytest.raises(SystemExit) as ended:
            main()

    assert ended.value.code == 0
    assert orjson.loads(capsys.readouterr().out) == topology.definitions(bus)
