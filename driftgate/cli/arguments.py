"""The arguments of a command, declared once: for argparse here, and for Airflow's command line."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, NoReturn

from driftgate.errors import UserMistake


class UsageError(UserMistake):
    """The command line itself is wrong."""


class Argument(NamedTuple):
    """One argument, as ``add_argument`` of argparse takes it."""

    flags: tuple[str, ...]
    options: dict[str, Any]


def argument(*flags: str, **options: Any) -> Argument:
    """Return an argument; reads like ``add_argument``."""
    return Argument(flags, options)


CONFIG = argument("--config", metavar="DIR", help="the configuration's folder (default: config/ here or above)")
ENVIRONMENT = argument("--env", metavar="ENV", help="with environments/ENV.yaml over all (default: $DRIFTGATE_ENV)")


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a type for arguments that accepts ``choices`` and guesses what else was meant."""

    def choose(text: str) -> str:
        if text not in choices:
            hint = did_you_mean(text, choices) or f"choose from {', '.join(choices)}"
            raise argparse.ArgumentTypeError(f"there is no '{text}'; {hint}")
        return text

    vars(choose)["choices"] = choices  # for the completion of shells
    return choose


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Return a type for arguments that accepts whole numbers from ``low`` to ``high``."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from {low} to {high}")
        return value

    return number


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Return a guess as a question, or nothing when no option is near."""
    by_plain = {option.lower().replace("_", "-"): option for option in options}
    near = difflib.get_close_matches(word.lower().replace("_", "-"), by_plain, n=1, cutoff=0.6)
    return f"did you mean '{by_plain[near[0]]}'?" if near else ""


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are UsageErrors, which end with the next thing to do."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse all of ``args``; a misspelt option is answered with the one that was meant."""
        known, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self.error(self._unknown(unknown[0]))
        return known

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message.removeprefix('argument ')}\n  {self.prog} --help says more")

    def _unknown(self, word: str) -> str:
        if not word.startswith("-"):
            return f"there is nothing to do with '{word}'"
        guess = did_you_mean(word.split("=")[0], self._option_string_actions)
        return f"there is no option {word.split('=')[0]}" + (f"; {guess}" if guess else "")


def parser(name: str, arguments: Sequence[Argument], description: str, epilog: str) -> Parser:
    """Return the parser of the command ``name``."""
    made = Parser(
        prog=f"driftgate {name}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for flags, options in arguments:
        made.add_argument(*flags, **options)
    return made
