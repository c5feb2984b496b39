"""A RabbitMQ that was prepared with the printed definitions is the one that `migrate` prepares."""

from collections.abc import Iterator
from pathlib import Path

import aio_pika
import orjson
import pytest

from shared.bus import amqp, topology
from tests.support.rabbitmq import Node, need_rabbitmq

pytestmark = pytest.mark.rabbitmq


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[Node]:
    """A node that imported the definitions when it started."""
    need_rabbitmq()
    node = Node(tmp_path)
    try:
        node.start()  # makes the default user, which a node that imports at once does not
        node.stop()
        file = tmp_path / "definitions.json"
        file.write_bytes(orjson.dumps(topology.definitions("rabbitmq")))
        with (tmp_path / "rabbitmq.conf").open("a") as configuration:
            configuration.write(f"load_definitions = {file}\n")
        node.start()
        yield node
    finally:
        node.close()


async def test_imported_definitions_are_what_migrate_makes(prepared: Node) -> None:
    async with amqp.connected(prepared.url) as connection:
        channel = await connection.channel()
        for queue in topology.queues():
            for name in amqp.arguments(queue):
                await channel.get_queue(name)  # raises where there is none
        exchange = await channel.get_exchange(amqp.EXCHANGE)
        for queue, wire_type in topology.queues().items():
            await exchange.publish(aio_pika.Message(b"{}"), wire_type)
            taken = await (await channel.get_queue(queue)).get(timeout=5)
            assert taken is not None

    # RabbitMQ refuses to declare a queue that exists with other arguments.
    await amqp.declare(prepared.url, topology.queues(), {})
