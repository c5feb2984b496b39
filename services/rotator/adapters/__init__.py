"""The clouds behind the rotator's ports."""
