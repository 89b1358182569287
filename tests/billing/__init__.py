"""Top-ups and low funds."""
