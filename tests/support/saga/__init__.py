"""A world in which rotations run on a simulated clock and can die between any two instructions."""
