"""The knowledge base: articles as typed values, found by topic or by plain search, told word for word.

Here live the article's shape, its loading and checking, search, and the making of an answer. Nothing here reads a
clock, a database or the network; files are read only when content is loaded.
"""

from bot.knowledge.article import Article
from bot.knowledge.library import Library, Shelf

__all__ = ["Article", "Library", "Shelf"]
