"""The two ways to carry events: inside PostgreSQL, or over RabbitMQ fed from the outbox."""
