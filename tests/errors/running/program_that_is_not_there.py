"""A file that the command line was given, and that does not exist."""

from qkernel.command.program import kernel_of

kernel_of("circuits.py:bell")
