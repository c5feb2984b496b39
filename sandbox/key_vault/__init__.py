"""Key Vault's data plane: every vault of the estate, told apart by the host name."""
