"""Every SQL statement of alerting: its own schema, and the inventory's published view."""
