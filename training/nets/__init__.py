"""Networks, one per family."""
