"""Reading a line of a strategy into a tree: one parser for the pieces of every platform (`pieces`)."""

from __future__ import annotations

from toolkit.search.pieces import ParseError, Piece, pieces_of
from toolkit.search.strategy import StrategyLine
from toolkit.search.tree import Chain, Group, Near, Node, Term

__all__ = ["ParseError", "parse_line"]


def parse_line(line: StrategyLine, platform: str, numbering: str) -> Node:
    """The tree of a line.

    Raises
    ------
    ParseError
        brackets or operators do not fit together.
    """
    pieces = list(pieces_of(line.text, platform, numbering))
    if not pieces:
        raise ParseError("the line is empty", 0)
    parser = _Parser(pieces, len(line.text))
    node = parser.expression()
    if parser.position < len(pieces):
        extra = pieces[parser.position]
        raise ParseError(f"{extra.text!r} fits nowhere", extra.start)
    return node


class _Parser:
    """Builds the tree: chain of operands; an operand is words, a construct or brackets, with fields around it."""

    def __init__(self, pieces: list[Piece], length: int) -> None:
        self.pieces, self.length, self.position = pieces, length, 0

    def _here(self) -> Piece | None:
        return self.pieces[self.position] if self.position < len(self.pieces) else None

    def expression(self) -> Node:
        items = [self.nearness()]
        operators: list[str] = []
        while (piece := self._here()) is not None and piece.kind == "operator":
            operators.append(piece.text)
            self.position += 1
            items.append(self.nearness())
        if not operators:
            return items[0]
        return Chain(items=tuple(items), operators=tuple(operators), start=items[0].start, end=items[-1].end)

    def nearness(self) -> Node:
        node = self.operand()
        while (piece := self._here()) is not None and piece.kind == "near":
            self.position += 1
            right = self.operand()
            same = isinstance(node, Near) and (node.between, node.ordered) == (piece.between, piece.ordered)
            items = (*node.items, right) if same and isinstance(node, Near) else (node, right)
            node = Near(
                items=items,
                between=piece.between,
                ordered=piece.ordered,
                written=piece.text,
                start=node.start,
                end=right.end,
            )
        return node

    def operand(self) -> Node:
        piece = self._here()
        if piece is None:
            raise ParseError("something is missing at the end", self.length)
        self.position += 1
        if piece.kind == "prefix":
            assert piece.apply is not None
            return piece.apply(self.operand(), piece)
        if piece.kind == "open":
            inner = self.expression()
            closing = self._here()
            if closing is None or closing.kind != "close":
                raise ParseError("a bracket is never closed", piece.start)
            self.position += 1
            node: Node = Group(inner=inner, start=piece.start, end=closing.end)
        elif piece.kind == "node" and piece.node is not None:
            node = piece.node
        elif piece.kind in ("word", "quote"):
            node = self._words(piece)
        else:
            raise ParseError(f"{piece.text!r} has nothing before it", piece.start)
        while (suffix := self._here()) is not None and suffix.kind == "suffix":
            assert suffix.apply is not None
            self.position += 1
            node = suffix.apply(node, suffix)
        return node

    def _words(self, first: Piece) -> Term:
        last, words = first, [first.text]
        while (piece := self._here()) is not None and piece.kind in ("word", "quote"):
            words.append(piece.text)
            last = piece
            self.position += 1
        alone = last is first and first.kind == "quote"
        return Term(text=" ".join(words), quoted=alone, start=first.start, end=last.end)
