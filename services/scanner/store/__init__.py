"""Every SQL statement of the scanner's schema. Callers own the transaction."""
