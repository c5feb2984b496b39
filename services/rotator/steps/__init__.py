"""The steps of the saga: look, act, record. Each can be taken again after a crash anywhere."""
