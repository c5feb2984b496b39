"""What the rotator decides: pure values and functions, without a clock, a cloud or a database."""
