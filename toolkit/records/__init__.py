"""Reading and writing reference formats, forms of CSV and XLSX, and the identifiers inside them."""

PARSER_VERSION = 3
"""Rises when a reader makes other fields of the same bytes; `evipool doctor --fix` then reads stored records anew."""
