"""Measure what models find against ground truth: readers of truth, metrics, and a report.

Nothing here trains anything, and nothing here needs torch. Coordinates are those of the stored
image as everywhere: (column, row), (0.0, 0.0) the top-left corner of the top-left pixel.
"""
