"""Microsoft Graph, as far as it tells of applications and their credentials."""
