"""Canaries: known values in everything that carries a secret, and a search for them everywhere."""
