"""How far phantoms are from real mammograms: statistics, a classifier, pictures side by side."""
