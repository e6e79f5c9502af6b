"""Analyses: a declared spec and the evidence tables become effects, a fit and frozen results."""
