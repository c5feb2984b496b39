"""The decisions of alerting: pure functions of the open alert, the inventory and the time."""
