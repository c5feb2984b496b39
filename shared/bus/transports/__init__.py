"""What a bus needs from the system that carries it, and the one that PostgreSQL gives."""
