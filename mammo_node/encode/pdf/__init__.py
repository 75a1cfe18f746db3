"""The report on paper: the overview, the findings and what made them."""
