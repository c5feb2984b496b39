"""Azure Resource Manager: subscriptions, vaults, role assignments, and Resource Graph."""
