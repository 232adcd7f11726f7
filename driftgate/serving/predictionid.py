"""The id of a prediction carries what was predicted, so that a label can come later without anything being kept.

An id is sealed with a secret that all processes on one database share: any replica understands it, after any restart,
and nobody can make one up. Binary: kind, version, time, score, nonce, label, seal; then base64 for URLs.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftgate.serving.errors import InvalidIdError

if TYPE_CHECKING:
    from collections.abc import Sequence

REGRESSION, CLASS, NEGATIVE, POSITIVE = range(4)
"""What was predicted: a value; a class; of two classes the first; of two classes the second."""

MAX_LABEL = 64  # characters of a class that are told apart
_NONCE, _SEAL = 6, 8
_HEAD = struct.Struct(">BIId")


@dataclass(frozen=True)
class Made:
    """What an id tells. ``score``: the value, or the probability of the second of two classes, or NaN."""

    kind: int
    version: int
    at: int
    score: float
    label: str


@dataclass(frozen=True)
class Ids:
    """Makes and reads the ids of one model; those of another are not understood."""

    secret: bytes
    model: str

    def make(self, predictions: Sequence[Made]) -> list[str]:
        """Return an id of its own for each."""
        nonces = os.urandom(_NONCE * len(predictions))
        return [self._make(made, nonces[_NONCE * i : _NONCE * (i + 1)]) for i, made in enumerate(predictions)]

    def read(self, text: str) -> Made:
        """Return what ``text`` tells; raises InvalidIdError when it was not made here."""
        try:
            content = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
            body, seal = content[:-_SEAL], content[-_SEAL:]
            if not hmac.compare_digest(self._seal(body), seal) or self._text(content) != text:
                raise ValueError
            kind, version, at, score = _HEAD.unpack(body[: _HEAD.size])
            return Made(kind, version, at, score, body[_HEAD.size + _NONCE :].decode())
        except (ValueError, struct.error):
            raise InvalidIdError from None

    def _make(self, made: Made, nonce: bytes) -> str:
        body = _HEAD.pack(made.kind, made.version, made.at, made.score) + nonce + made.label.encode(errors="replace")
        return self._text(body + self._seal(body))

    def _seal(self, body: bytes) -> bytes:
        return hashlib.blake2b(self.model.encode() + body, key=self.secret, digest_size=_SEAL).digest()

    @staticmethod
    def _text(content: bytes) -> str:
        return urlsafe_b64encode(content).rstrip(b"=").decode()


def label_text(label: Any) -> str:
    """Return how a class is written in ids and compared: 1, 1.0 and "1" are the same class."""
    if isinstance(label, float) and label.is_integer():
        label = int(label)
    return str(label)[:MAX_LABEL]
