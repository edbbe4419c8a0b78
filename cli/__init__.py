"""The command `packshot`."""
