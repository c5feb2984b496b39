"""The measurements of `make bench`: ours beside a reference, in one run."""
