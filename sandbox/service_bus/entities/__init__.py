"""Queues, topics and subscriptions: what they hold, promise and refuse; nothing of AMQP links."""
