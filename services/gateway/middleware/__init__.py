"""What every request passes through, from the outside in: envelope, problems, guard."""
