"""The broker itself: how it is configured, what is registered with it, and how it runs."""
