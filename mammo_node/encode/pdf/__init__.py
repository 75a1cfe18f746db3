"""The report on paper: one or two pages with the overview, the findings and what made them."""
