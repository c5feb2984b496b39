"""What at least three services use; it knows no service."""
