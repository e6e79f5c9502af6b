"""Searching bibliographic databases so that a search can be rerun, defended and trusted."""
