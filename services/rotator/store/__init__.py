"""Every SQL statement of the rotator, by what it is about."""
