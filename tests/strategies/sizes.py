"""A random program at every size: what its closed form, its circuit and Qiskit's circuit count."""

from __future__ import annotations

from random import Random

from tests.strategies import eager
from tests.strategies.array_kernels import array_kernel
from tests.strategies.programs import Program, values
from tests.strategies.properties import UNREAD, Case, load

SIZES = range(7)


def verified_sizes(program: Program) -> int:
    """Verify the program's counts at sizes 0 to 6 (measuring ones: 2 to 6); how many of the sizes are of use."""
    main, count = Case(program).main, 0
    for n in SIZES[2:] if program.measures else SIZES:
        given = values(Random(program.seed * 7 + n), n, n)
        try:
            eager.execute(eager.load(program.source, program.entry), given)
            main.verify_resources(**{name: value for name, value in given.items() if name not in ("a", "b")})
        except (eager.Invalid, eager.TooLarge):
            continue
        except UNREAD:
            if not program.measures:
                raise
            continue
        count += 1
    return count


def verify_array_kernel(seed: int) -> None:
    """Verify the kernel of a seed at sizes 0 to 6, and values put into its open estimate."""
    for n in range(7):
        drawn = array_kernel(seed, n)
        main = load(drawn.source)["main"]
        try:
            main.verify_resources(**drawn.values)
            if drawn.is_closed:
                assert main.estimate_resources().substitute(**drawn.values) == main.estimate_resources(bindings=drawn.values)
        except Exception as error:
            error.add_note(f"seed {seed}, {drawn.values}\n{drawn.source}")
            raise
