"""The prepaid money in the background: top-ups are charged, low funds are told."""
