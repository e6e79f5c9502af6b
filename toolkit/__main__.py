"""``python -m toolkit`` is the same as ``evipool``."""

from toolkit.cli import main

main()
