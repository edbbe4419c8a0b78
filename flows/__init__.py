"""The order in which things happen: one file a deployment."""
