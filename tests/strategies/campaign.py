"""Running many programs against their properties, and telling of one that fails.

`python -m tests.strategies.campaign SEED [measuring] [PROPERTY ...]` runs one program again, and cuts it down if it fails.
"""

from __future__ import annotations

import linecache
import sys
import warnings
from collections.abc import Iterable

from tests.strategies import eager, rewrites
from tests.strategies.programs import HEADER, Program, generate, generate_measuring
from tests.strategies.properties import Case, is_usable, properties

NOT_OF_USE = (eager.Invalid, eager.TooLarge)


def failure(case: Case, name: str) -> Exception | None:
    """What a property of a program raises, or None where it holds."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            properties(case.program)[name](case)
    except NOT_OF_USE:
        return None
    except Exception as error:
        return error
    return None


def report(program: Program, name: str, error: Exception) -> str:
    """A failing program's own text, cut down as far as it goes, and how to run it again."""
    smaller = rewrites.shrunk(program, lambda candidate: _fails_alike(candidate, name, error))
    again = f"python -m tests.strategies.campaign {program.seed}{' measuring' if program.measures else ''} {name}"
    found = failure(Case(smaller), name) or error
    text = f"{HEADER}{smaller.source}\nvalues = {program.values}\n\n{type(found).__name__}: {found}"
    return f"{text}\n\n`{name}` fails. Again: {again}"


def _fails_alike(program: Program, name: str, error: Exception) -> bool:
    case = Case(program)
    try:
        if not is_usable(case):
            return False
    except Exception:
        return False
    found = failure(case, name)
    return found is not None and signature(found) == signature(error)


def signature(error: Exception) -> tuple[str, str]:
    """What makes two failures the same."""
    return type(error).__name__, str(error).split("\n")[0].split(":")[0][:50]


def run(program: Program, names: Iterable[str] | None = None) -> dict[str, Exception] | None:
    """The properties of `names` (default: all) that the program fails; None where it is of no use."""
    case = Case(program)
    if not is_usable(case):
        return None
    found = {name: failure(case, name) for name in names or properties(program)}
    for file in [file for file in linecache.cache if file.startswith("<program")]:
        del linecache.cache[file]
    return {name: error for name, error in found.items() if error is not None}


def main(arguments: list[str]) -> int:
    """Run one program again."""
    seed, *rest = arguments
    program = generate_measuring(int(seed)) if "measuring" in rest else generate(int(seed))
    failed = run(program, [name for name in rest if name != "measuring"])
    if failed is None:
        print("the program is of no use: too large, or not a kernel")
        return 0
    for name, error in failed.items():
        print(report(program, name, error))
    print(f"{len(failed)} properties fail")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
