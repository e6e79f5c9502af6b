"""The statistical engine: effects, pairwise and network meta-analysis on NumPy arrays."""
