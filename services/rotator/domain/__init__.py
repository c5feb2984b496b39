"""The rotator's decisions: pure functions over plain values, with the time passed in."""
