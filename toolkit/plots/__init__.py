"""Figures: laid out as plain data (`toolkit.plots.scene`), then drawn by matplotlib; functions return the Figure."""
