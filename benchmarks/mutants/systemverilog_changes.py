"""Small changes of SystemVerilog: operators, conditions, constants, slice bounds.

A tokenizer suffices: a token's replacements depend only on its neighbours, except for `<=`, which
assigns or compares, and the ends of `? :`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.mutants.mutant import Change

_TOKEN = re.compile(
    r"""
    (?P<skip>\s+ | //[^\n]* | /\*.*?\*/ | \(\*[^)].*?\*\) | `\w+)
  | (?P<string>"(?:[^"\\]|\\.)*")
  | (?P<number>\d*'s?[bdhBDH][0-9a-fA-F_xzXZ]+ | '[01] | \d[\d_]*)
  | (?P<word>\$?[A-Za-z_][\w$]*)
  | (?P<operator>
        <<<|>>>|===|!==|<<|>>|<=|>=|==|!=|&&|\|\||\+\+|--|\+:|-:|[-+*/%<>!~&|^?:=;,.()\[\]{}\#@'])
    """,
    re.VERBOSE | re.DOTALL,
)
_OPERATORS = {
    "+": "-",
    "-": "+",
    "*": "+",
    "/": "*",
    "%": "/",
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "&&": "||",
    "||": "&&",
    "&": "|",
    "|": "&",
    "^": "&",
    "<<": ">>",
    ">>": "<<",
    ">>>": ">>",
    "+:": "-:",
    "-:": "+:",
    "++": "--",
    "--": "++",
}
_UNARY = {"!", "~", "-"}
_OPEN, _CLOSE = "([{", ")]}"


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def changes(text: str) -> Iterator[Change]:
    """Yield the changes of a module, in the order of the text.

    Some constants stay as they are: parameters' defaults, since every instance overrides them;
    the widths of declared types, since lint compares them; the arguments of messages.
    """
    tokens = list(_tokens(text))
    assigned = False  # whether the statement already has an assignment: another <= compares
    depth = 0
    for at, token in enumerate(tokens):
        if token.text in _OPEN:
            depth += 1
        elif token.text in _CLOSE:
            depth -= 1
        if token.text in (";", "begin", "end", "else") or (token.text == ")" and depth == 0):
            assigned = False
        compares = depth > 0 or assigned
        if token.text in ("=", "<=") and depth == 0:
            assigned = True
        if token.text == "<=" and not compares:
            continue
        yield from _changed(text, tokens, at)


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"no token of SystemVerilog: {text[at : at + 20]!r}")
        at = found.end()
        kind = str(found.lastgroup)
        if kind != "skip":
            yield _Token(kind, found[0], found.start())


def _changed(text: str, tokens: Sequence[_Token], at: int) -> Iterator[Change]:
    token = tokens[at]
    if token.text == "if":
        opening, closing = tokens[at + 1], tokens[_closing(tokens, at + 1)]
        condition = text[opening.end : closing.start]
        yield Change(opening.end, closing.start, f"!({condition})")
    elif token.text == "?":
        colon = _until(tokens, at + 1, ":")
        end = tokens[_until(tokens, colon + 1, ":;,") - 1].end
        first = text[token.end : tokens[colon].start].strip()
        second = text[tokens[colon].end : end].strip()
        yield Change(token.end, end, f" {second} : {first}")
    elif _of_parameter(tokens, at) or _of_type(tokens, at) or _of_message(tokens, at):
        return
    elif token.kind == "number":
        for new in _numbers(token.text):
            yield Change(token.start, token.end, new)
    elif token.text in _UNARY and not _ends_operand(tokens[at - 1]):
        yield Change(token.start, token.end, "")
    elif token.text in _OPERATORS:
        yield Change(token.start, token.end, _OPERATORS[token.text])


def _numbers(text: str) -> Iterator[str]:
    """Yield a constant's replacements: one more, one less, or the inverted bit."""
    if text in ("'0", "'1"):
        yield "'1" if text == "'0" else "'0"
        return
    size, base, digits = re.fullmatch(r"(?:(\d*)'s?([bdh]))?(\w+)", text.lower()).groups()
    radix, form = {"b": (2, "b"), "h": (16, "x")}.get(base, (10, "d"))
    value = int(digits.replace("_", ""), radix)
    for new in (value + 1, value - 1):
        if new >= 0 and not (size and new >> int(size)):
            yield f"{size}'{base}{new:{form}}" if base else str(new)


def _ends_operand(token: _Token) -> bool:
    return token.kind in ("number", "word") or token.text in _CLOSE


def _of_message(tokens: Sequence[_Token], at: int) -> bool:
    """Return whether a token is inside the call of a printing task."""
    depth = 0
    for before in range(at - 1, 0, -1):
        text = tokens[before].text
        depth += (text in _CLOSE) - (text in _OPEN)
        if text in (";", "begin"):
            return False
        if depth < 0 and tokens[before - 1].text.startswith("$error"):
            return True
    return False


def _of_type(tokens: Sequence[_Token], at: int) -> bool:
    """Return whether a token is inside the brackets after a type keyword."""
    depth = 0
    for before in range(at, 0, -1):
        text = tokens[before].text
        depth += (text in _CLOSE) - (text in _OPEN)
        if depth < 0 and text == "[":
            if tokens[before - 1].text in ("logic", "signed"):
                return True
            if tokens[before - 1].text != "]":  # the end of another dimension
                return False
            depth = -1
        elif depth < -1 or text == ";":
            return False
    return False


def _of_parameter(tokens: Sequence[_Token], at: int) -> bool:
    """Return whether a token is inside the default value of a parameter."""
    depth = 0
    for before in range(at, 0, -1):
        text = tokens[before].text
        depth += (text in _CLOSE) - (text in _OPEN)
        if text == "parameter":
            return True
        if text in (";", "localparam") or depth < -1 or (depth < 0 and text != "("):
            return False
        if depth < 0 and tokens[before - 1].text == "#":
            return False
    return False


def _closing(tokens: Sequence[_Token], opening: int) -> int:
    """Return the position of the bracket that closes the one at a token."""
    return _until(tokens, opening + 1, _CLOSE)


def _until(tokens: Sequence[_Token], at: int, ends: str) -> int:
    """Return the first token from a position that is in ``ends`` or closes the current bracket."""
    depth = waiting = 0
    while True:
        text = tokens[at].text
        if depth == 0 and text == "?":
            waiting += 1
        elif depth == 0 and text == ":" and waiting:
            waiting -= 1
        elif depth == 0 and (text in ends or text in _CLOSE):
            return at
        depth += (text in _OPEN) - (text in _CLOSE)
        at += 1
