"""What Packshot decides from facts already in hand. No I/O."""
