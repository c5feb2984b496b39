"""Publishing: from a value to a stored message."""
