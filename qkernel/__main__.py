"""`python -m qkernel`: the command line."""

from __future__ import annotations

from qkernel.command import main

main(prog_name="qkernel")
