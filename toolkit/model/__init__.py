"""Frozen dataclasses, choices and errors that every layer shares; standard library only."""
