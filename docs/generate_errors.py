"""Writes docs/errors.md from the classes of qkernel/errors.py and the golden errors: `python docs/generate_errors.py`."""

from __future__ import annotations

import inspect
from pathlib import Path

from qkernel import errors
from qkernel.errors import QKernelError

DOCS = Path(__file__).parent
CASES = DOCS.parent / "tests" / "errors"

GROUPS = {
    "QK0": "The root",
    "QK1": "Tracing",
    "QK2": "Types and ownership",
    "QK3": "Binding",
    "QK4": "Lowering and targets",
    "QK5": "Running",
    "QK6": "Gradients",
    "QK7": "Files and data",
}
EXAMPLES = {
    "AffineTypeError": "ownership/returned_to_another_index",
    "ArithmeticEvaluationError": "lowering/division_by_zero",
    "BindingShapeError": "binding/batches_disagree",
    "BindingTypeError": "binding/float_for_uint",
    "CallArgumentError": "calls/keyword_typo",
    "CallableDefinitionConflictError": "python/shadowed_loop_variable",
    "EntrypointValidationError": "binding/structure_not_bound",
    "ExecutionError": "running/nothing_to_sample",
    "GradientError": "gradients/gradient_of_bits",
    "InliningError": "python/helper_fails",
    "JobError": "running/job_cancelled",
    "JobTimeoutError": "running/job_not_done_in_time",
    "KernelRecursionError": "control_flow/recursion_without_end",
    "KernelTypeError": "calls/wrong_order",
    "LayerInputError": "layers/input_of_wrong_width",
    "MissingAnnotationError": "signature/missing_annotation",
    "NotFiniteError": "binding/infinity_in_a_vector",
    "NotUnitaryError": "lowering/inverse_of_measurement",
    "ObservableError": "binding/hamiltonian_too_wide",
    "OpenQasmError": "openqasm/gate_typo",
    "QubitAliasError": "ownership/alias_found_at_lowering",
    "QubitBorrowConflictError": "ownership/view_overlaps_element",
    "QubitConsumedError": "ownership/used_after_helper",
    "QubitIndexResolutionError": "indexing/past_the_end_at_lowering",
    "QubitRebindError": "ownership/names_exchanged_in_loop",
    "ReturnTypeError": "signature/wrong_return",
    "SeparationError": "control_flow/range_by_measured_bit",
    "ShotsError": "running/no_shots",
    "SizeError": "indexing/negative_size_at_lowering",
    "SymbolicValueError": "python/symbol_in_plain_python",
    "TargetCapabilityError": "lowering/oracle_without_body",
    "UncleanAncillaError": "running/ancilla_left_in_1",
    "UnknownBindingError": "binding/unknown_name",
    "UnknownNameError": "python/unknown_name",
    "UnreturnedBorrowError": "ownership/element_not_returned",
    "UnsupportedPythonError": "python/for_over_register",
    "ValidationError": "estimates/unknown_basis_gate",
}
"""The case that shows a class; the first one of its class where none is named."""

HEAD = """# Errors

Every error of the package is a class of `qkernel.errors` with a code that does not change. All derive from `QKernelError` and,
where there is one, from the builtin that Python uses for such a mistake, so `except ValueError` and `except IndexError` work.
`str(error)` is the whole text; `error.code`, `error.title`, `error.span` and `error.help` are its parts.

The texts point at your own source line: first the place itself, then other places that matter, then what to write instead.
What came up in functions and kernels that yours calls, the library's too, names the calls that led there, up to your own line.
Tracebacks hold your files only, and end where you called the package; the environment variable `QKERNEL_TRACEBACKS=full` shows
its own frames too. What your own code raises while a kernel is read is the error's `__cause__`, with all of its traceback.

This page is made by `docs/generate_errors.py` from the classes and from `tests/errors/`, which holds many more examples.
Each example begins with `import qkernel as qk` and `import qkernel.observable as qko`.
"""


def errors_page() -> str:
    """The text of docs/errors.md."""
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, QKernelError)]
    shown = _first_cases()
    parts = [HEAD]
    for prefix, title in GROUPS.items():
        parts.append(f"\n## {title}\n")
        parts += [_entry(kind, shown) for kind in sorted(kinds, key=lambda kind: kind.code) if kind.code.startswith(prefix)]
    return "".join(parts)


def _first_cases() -> dict[str, str]:
    cases: dict[str, str] = {}
    for path in sorted(CASES.glob("*/*.err")):
        cases.setdefault(path.read_text().split("\n", 1)[0], f"{path.parent.name}/{path.stem}")
    return cases | EXAMPLES


def _entry(kind: type[QKernelError], cases: dict[str, str]) -> str:
    parents = [f"`{parent.__name__}`" for parent in kind.__bases__]
    lines = [f"\n### {kind.code} {kind.__name__}\n", f"\n{inspect.getdoc(kind)} Derives from {' and '.join(parents)}.\n"]
    if kind.__name__ in cases:
        case = CASES / cases[kind.__name__]
        name, text = case.with_suffix(".err").read_text().split("\n", 1)
        if name != kind.__name__:
            raise ValueError(f"{case} shows {name}, not {kind.__name__}")
        lines += [f"\n```\n{case.with_suffix('.py').read_text()}```\n", f"\n```text\n{text}```\n"]
    return "".join(lines)


if __name__ == "__main__":
    (DOCS / "errors.md").write_text(errors_page())
