"""The providers' HTTP APIs and a product CDN, played on loopback."""
