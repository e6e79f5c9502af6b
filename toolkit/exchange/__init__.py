"""Other tools' files in and out: scripts that check our numbers elsewhere, data layouts, frozen versions."""
