"""Figures of exported models on held-out phantoms, one module per kind of answer."""
