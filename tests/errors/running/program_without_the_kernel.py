"""A file that the command line was given, and that lacks the kernel."""

from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

from qkernel.command.program import kernel_of

with TemporaryDirectory() as folder, chdir(folder):
    Path("circuits.py").write_text("import qkernel as qk\n")
    kernel_of("circuits.py:bell")
