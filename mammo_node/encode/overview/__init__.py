"""The overview: what a whole study's answer looks like, in one picture that every viewer shows."""
