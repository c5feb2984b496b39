"""Read-only SQL over the views that other services publish."""
