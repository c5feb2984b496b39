"""What the gateway decides, without a database, a clock or a network."""
