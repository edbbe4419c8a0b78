"""What the product exports of shop platforms look like: one module per platform, data only."""
