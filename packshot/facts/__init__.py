"""What Packshot talks about: plain values and the rules they carry. No I/O."""
