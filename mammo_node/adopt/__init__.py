"""Networks from elsewhere become model packages of ours."""
