"""The statistical engine: effects, pairwise and network meta-analysis on NumPy arrays."""

ENGINE_VERSION = "1"
"""Rises only when numbers change; part of the fingerprint of every result."""
