"""What the simulated tenant holds."""
