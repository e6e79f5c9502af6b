"""Figures: laid out as plain data (`toolkit.plots.scene`), then drawn by matplotlib; functions return the Figure.

Nothing is imported here: the layout of the PRISMA diagram is used where numpy and matplotlib must not load.
"""
