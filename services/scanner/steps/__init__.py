"""What the scanner does, step by step: plan, look, record, conclude. Or all without a database.

Handlers and the schedule call these; clouds come in through ports.
"""
