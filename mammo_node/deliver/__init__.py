"""Results go to their destinations, as often as it takes."""
