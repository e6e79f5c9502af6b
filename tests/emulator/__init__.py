"""A local server that speaks the E-utilities on a set of records, and misbehaves on command."""

from tests.emulator.articles import Article, Facts, article_xml, articles_from_csv, articles_from_xml
from tests.emulator.server import Emulator

__all__ = ["Article", "Emulator", "Facts", "article_xml", "articles_from_csv", "articles_from_xml"]
