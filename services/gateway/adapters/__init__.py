"""The cryptography behind the gateway's ports."""
