"""Quotes that are not closed, or closed too early."""

from __future__ import annotations

import re
from collections.abc import Iterator

from yaml.tokens import FlowMappingStartToken, ScalarToken

from driftgate.config.broken import Broken, Mend
from driftgate.config.lines import LONGEST
from driftgate.config.words import shorten

NOT_CLOSED = "a quote is opened but never closed"
_CLOSES_VALUE = re.compile(r"\s*(?:[,\]}]|$|#)")
_COMMENT = re.compile(r"\s+#.*$")
_COMMENT_SIGN = re.compile(r"^\s*(?:#+|//+|/\*+)?\s*|\s*(?:\*+/)?\s*$")
_QUOTE_BEFORE_KEY = re.compile(r"(\s*(?:- )?)([\"'])([A-Za-z_][\w .-]*:(?:\s.*)?)")
_LAST = 8  # quoted texts of several lines that are looked at


def mends(broken: Broken) -> Iterator[Mend]:
    """Return how quotes may have been meant."""
    yield from _before_key(broken)
    yield from _closed_early(broken)
    yield from _never_closed(broken)


def _before_key(broken: Broken) -> Iterator[Mend]:
    """Explain ``"schedule: @daily``."""
    of_tokens = [token.start_mark.line + 1 for token in broken.tokens[::-1] if _is_quoted(token)][:_LAST]
    for line in dict.fromkeys((broken.line, broken.opened[0], *of_tokens)):
        found = _QUOTE_BEFORE_KEY.fullmatch(content := broken.content(line)[:LONGEST])
        if found and content.count(found[2]) % 2:
            without = found[1] + found[3]
            yield Mend(line, found.start(2) + 1, NOT_CLOSED, f"write {shorten(found[3])}", {line: without})


def _is_quoted(token: object) -> bool:
    return isinstance(token, ScalarToken) and token.style in ("'", '"')


def _closed_early(broken: Broken) -> Iterator[Mend]:
    """Explain ``'it's a'``: the text ends at a quote inside it."""
    token = next((token for token in reversed(broken.tokens) if isinstance(token, ScalarToken)), None)
    if token is None or token.style not in ("'", '"') or token.start_mark.line != token.end_mark.line:
        return
    line, start, end = token.start_mark.line + 1, token.start_mark.column, token.end_mark.column
    if line != broken.line or len(content := broken.content(line)) > LONGEST:
        return
    apart = bool(broken.brackets(token)) and content[end:].lstrip().startswith(token.style)  # a comma is missing
    for position in _ends(content, token.style, end) if not apart else ():
        written = _quoted(content[start + 1 : position], token.style)
        changed = content[:start] + written + content[position:].removeprefix(token.style)
        message = "a quote inside the quoted text ends it too early"
        yield Mend(line, start + 1, message, f"write {shorten(written)}", {line: changed})
    if not broken.brackets(token):
        yield _comment(line, content, end)


def _ends(content: str, quote: str, start: int) -> Iterator[int]:
    """Return where the quoted text may really end, behind ``start``."""
    for found in re.finditer(quote, content[start:]):
        if _CLOSES_VALUE.match(content, start + found.end()):
            yield start + found.start()
    rest = content[start:]
    if quote not in rest and rest[:1].isalnum():
        yield start + len(rest.rstrip(" ,]}"))


def _quoted(text: str, quote: str) -> str:
    """Return ``text``, which holds ``quote``, in quotes that it does not end."""
    other = '"' if quote == "'" else "'"
    if other not in text and "\\" not in text:
        return f"{other}{text}{other}"
    return f"'{text.replace(quote, quote * 2)}'" if quote == "'" else '"' + re.sub(r'(?<!\\)"', r"\"", text) + '"'


def _comment(line: int, content: str, end: int) -> Mend:
    """Explain ``"@daily" // for now``."""
    rest = content[end:]
    column = end + len(rest) - len(rest.lstrip()) + 1
    comment = f"# {_COMMENT_SIGN.sub('', rest)}".strip()
    message = "the value ends before this, and a comment begins with ' #'"
    return Mend(line, column, message, f"write {shorten(comment)}", {line: f"{content[:end]}   {comment}"})


def comment_after(broken: Broken) -> Iterator[Mend]:
    """Explain ``[a, b] // for now``: what follows a closed bracket."""
    content = broken.content(broken.line)
    before = content[: broken.column - 1].rstrip()
    if before.endswith(("]", "}")) and not broken.brackets() and not broken.at.startswith(("]", "}", ",")):
        yield _comment(broken.line, content, len(before))


def _never_closed(broken: Broken) -> Iterator[Mend]:
    found = [
        (token.start_mark.line + 1, token.start_mark.column, token)
        for token in broken.tokens
        if isinstance(token, ScalarToken) and token.style in ("'", '"') and token.start_mark.line < token.end_mark.line
    ]
    if broken.context.endswith("quoted scalar"):
        yield from _close(broken, broken.opened[0], broken.opened[1] - 1, None)
    for line, start, token in reversed(found[-_LAST:]):
        yield from _close(broken, line, start, token)


def _close(broken: Broken, line: int, start: int, token: ScalarToken | None) -> Iterator[Mend]:
    content = broken.content(line)
    quote = content[start : start + 1]
    closers = "".join("}" if isinstance(it, FlowMappingStartToken) else "]" for it in reversed(broken.brackets(token)))
    for end in dict.fromkeys(_closing_places(content, start, closers)):
        other = "'" if quote == '"' else '"'
        written = content[start:end].removesuffix(other) + quote  # as in "@daily'
        hint = f"write {shorten(written)}" if len(written) < LONGEST else "close the quote"
        yield Mend(line, start + 1, NOT_CLOSED, hint, {line: content[:start] + written + content[end:]})
    if not _COMMENT.sub("", content[start + 1 :]).strip():  # nothing to put in quotes
        yield Mend(line, start + 1, NOT_CLOSED, "remove it", {line: content[:start] + content[start + 1 :]})


def _closing_places(content: str, start: int, closers: str) -> Iterator[int]:
    """Return the columns where a text opened at ``start`` may end: before what closes brackets, and a comment."""
    for code in dict.fromkeys((_COMMENT.sub("", content[: start + LONGEST]), content)):
        code = code.rstrip()
        for count in range(len(closers), -1, -1):
            tail = r"\s*".join(map(re.escape, closers[:count]))
            if found := re.search(rf"\s*{tail}\s*,?$", code[start + 1 :]):
                yield start + 1 + found.start()
        if closers and (comma := code.find(",", start)) > start:
            yield comma
        yield len(code)
