"""A simulated Azure on this machine: the real services' wire protocols over an estate from a seed.

It knows nothing of the product, and nothing of the product knows of it.
"""
