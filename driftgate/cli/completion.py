"""``driftgate completion``: commands, options, pipelines and environments at the press of a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftgate.cli.arguments import argument, one_of
from driftgate.cli.guard import write

if TYPE_CHECKING:
    from argparse import Namespace

DESCRIPTION = """\
Print the script that makes a shell complete driftgate's command line: commands, options and their values,
pipelines, environments and git refs.
"""
EPILOG = """\
Examples, for the start-up file of your shell:
  eval "$(driftgate completion bash)"          ~/.bashrc
  eval "$(driftgate completion zsh)"           ~/.zshrc, after compinit
  driftgate completion fish | source           ~/.config/fish/config.fish
"""
ARGUMENTS = (argument("shell", type=one_of("bash", "zsh", "fish"), metavar="SHELL", help="bash, zsh or fish"),)


def run(args: Namespace) -> int:
    """Print the script."""
    from argcomplete.shell_integration import shellcode

    write(shellcode(["driftgate"], shell=args.shell) + "\n")
    return 0
