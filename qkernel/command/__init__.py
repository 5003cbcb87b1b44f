"""The command line: `qkernel draw | estimate | run | sample | explain | export | check | doctor`.

Exit codes: 0, 1 where the user's program is wrong, 2 where the command is. With `--json` every command prints one JSON
object, errors included.
"""

from __future__ import annotations

import io
import sys

import click

from qkernel.command.checking import check
from qkernel.command.doctor import doctor
from qkernel.command.running import explain, run, sample
from qkernel.command.tools import draw, estimate, export


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="qkernel")
def main() -> None:
    """Draw, count, run and check the quantum kernels of a file.

    A kernel is named FILE:KERNEL, or FILE alone where the file has one. FILE is Python, which is run as at an import, a
    kernel in text form (.qk), or OpenQASM (.qasm). For completion by the shell, put into its start-up file:

    \b
      bash:  eval "$(_QKERNEL_COMPLETE=bash_source qkernel)"
      zsh:   eval "$(_QKERNEL_COMPLETE=zsh_source qkernel)"
      fish:  _QKERNEL_COMPLETE=fish_source qkernel | source
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # what a terminal cannot show is no reason to end


for command in (draw, estimate, run, sample, explain, export, check, doctor):
    main.add_command(command)
