"""Joining records of one report: normalise -> block -> compare -> decide -> cluster, and the step of the project."""
