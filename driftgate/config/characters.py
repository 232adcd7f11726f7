"""Characters that cannot be seen, or that look like others."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from driftgate.config.broken import Broken, Mend
from driftgate.config.lines import LONGEST

# What stands for what in the text that was meant. Joiners are left alone: they have a use in some scripts.
_INVISIBLE = "\u00ad\u180e\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_LOOKALIKES = {
    "\uff1a": ":", "\ufe55": ":", "\u2236": ":", "\ua789": ":", "\uff0c": ",", "\u3001": ",", "\uff3b": "[",
    "\uff3d": "]", "\uff5b": "{", "\uff5d": "}", "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-",
    "\u2014": "-", "\u2212": "-", "\uff0d": "-", "\uff03": "#", "\uff02": '"', "\uff07": "'", "\u2022": "-",
}  # fmt: skip
_MEANT = dict.fromkeys(_INVISIBLE, "") | dict.fromkeys(_SPACES, " ") | _LOOKALIKES
_ODD = re.compile(f"[{re.escape(''.join(_MEANT))}]")
_HIDDEN = re.compile(f"[{_INVISIBLE}{_SPACES}]")
_NAMES = {"\ufeff": "byte order mark"}
_LINES = 30  # above the place where the parser gave up
_MOST = 12  # odd characters of a line


def mends(broken: Broken) -> Iterator[Mend]:
    """Return what odd characters may have been meant to be: those of a line, one after the other."""
    for line in range(broken.line, max(0, broken.line - _LINES), -1):
        content = broken.content(line)
        if not content.isascii() and len(content) <= LONGEST:
            yield from mends_of(line, content)


def mends_of(line: int, content: str) -> Iterator[Mend]:
    """Return what a line would be with some of its odd characters replaced by what they may have been meant to be."""
    found = list(_ODD.finditer(content))[:_MOST]
    for first, match in enumerate(found):  # one alone, then it and those after it
        for last in range(first + 1, len(found) + 1):
            changed = content
            for odd in reversed(found[first:last]):
                meant = _meant(odd[0], changed[odd.end() :])
                changed = changed[: odd.start()] + meant + changed[odd.end() :]
            yield Mend(line, match.start() + 1, *_sentences(content, match.start()), {line: changed})
    if found and found[0].start() == 0 and found[0][0] in _SPACES:
        message, _ = _sentences(content, 0)
        yield Mend(line, 1, message, "remove it", {line: content.lstrip(" " + _SPACES)})


def _meant(char: str, rest: str) -> str:
    meant = _MEANT[char]
    return meant + " " if meant in (":", ",", "-") and meant and rest[:1] not in ("", " ", *_SPACES) else meant


def _sentences(content: str, start: int) -> tuple[str, str]:
    char = content[start]
    meant = _MEANT[char]
    message = f"this is not '{meant}' but the character {name_of(char)}"
    if char in _SPACES:
        message = f"this is not an ordinary space but the character {name_of(char)}"
        run = len(content[start:]) - len(content[start:].lstrip(_SPACES))
        if not content[:start].strip(" " + _SPACES):
            return message, "indent with ordinary spaces"
        return message, "write an ordinary space" if run == 1 else "write ordinary spaces"
    if not meant:
        return f"the character {name_of(char)}, which cannot be seen, stands here", "remove it"
    if meant in (":", ",", "-"):
        return message, f"write '{meant}' and a space"
    return message, f"write {meant}"


def name_of(char: str) -> str:
    """Return what a character is called, as in ``U+00A0 (no-break space)``."""
    name = _NAMES.get(char) or unicodedata.name(char, "").lower()
    return f"U+{ord(char):04X} ({name})" if name else f"U+{ord(char):04X}"


def hidden_in(text: str) -> int | None:
    """Return where in ``text`` the first character is that cannot be seen, or that is an odd kind of space."""
    found = None if text.isascii() else _HIDDEN.search(text)
    return found.start() if found else None


def explain(content: str, start: int) -> tuple[str, str]:
    """Return message and hint for the odd character in a line."""
    return _sentences(content, start)
