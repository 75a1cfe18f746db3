"""Whether a destination can be used: one step after the other, and a report to file."""
