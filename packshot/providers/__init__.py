"""Services that turn a picture into a cutout, each behind the same face."""
