"""Consuming: one receiver for each worker."""
