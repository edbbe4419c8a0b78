"""What touches the world: HTTP, pictures, object storage, clocks, threads."""
