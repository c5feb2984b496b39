"""What the gateway does, step by step; routes and handlers call these."""
