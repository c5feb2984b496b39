"""The decisions of licensing: pure functions of the evaluation and the time."""
