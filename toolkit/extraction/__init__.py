"""Extraction: evidence tables as forms out and in, checked; the store keeps one event a changed cell."""
