"""Where the keys of accounts open something, so that a key can be tried by a real request.

Redis is missing: its keys open a protocol of its own, not HTTP.
"""
