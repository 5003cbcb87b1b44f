"""Every user-facing error. Each class has a stable code; the docstring is its entry in docs/errors.md.

Codes: QK1xx tracing, 2xx types and ownership, 3xx binding, 4xx lowering and targets, 5xx running, 6xx gradients,
7xx files and data. The text of a case stands where it is raised, in the user's own names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike, fspath
from os.path import dirname, isdir
from typing import ClassVar

from qkernel.diagnostics import Note, Span, render, shortened


class QKernelError(Exception):
    """The root of all errors of this package."""

    code: ClassVar[str] = "QK000"

    def __init__(
        self, title: str, *, span: Span | None = None, label: str = "", notes: tuple[Note, ...] = (), help: str | None = None
    ) -> None:
        super().__init__(title)
        self.title, self.span, self.label, self.notes, self.help = title, span, label, notes, help
        self.calls: tuple[Note, ...] = ()

    def __str__(self) -> str:
        """The message with its source line, carets, notes, the calls that led there, and the way out."""
        notes = self.notes + shortened(self._all_calls())
        return render(f"[{self.code}] {self.title}", self.span, self.label, notes, self.help)

    def came_through(self, function: str, span: Span | None) -> None:
        """Note that it came up in a call of `function` at `span`; innermost calls first."""
        if span is not None and span not in self._shown():
            self.calls += (Note(f"in this call of `{function}`", span),)

    def _shown(self) -> list[Span | None]:
        return [self.span, *(note.span for note in (*self.notes, *self.calls))]

    def _all_calls(self) -> tuple[Note, ...]:
        """The calls that were noted, and those of plain functions, which are not in the IR: spans tell of these."""
        found: list[Note] = []
        for place in (self.span, *self.calls):
            if isinstance(place, Note):
                found.append(place)
            span = place.span if isinstance(place, Note) else place
            while span is not None and span.call is not None:
                name, span = span.call
                if span not in self._shown() and all(note.span != span for note in found):
                    found.append(Note(f"in this call of `{name}`", span))
        return tuple(found)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.title, self.span, self.label, self.notes, self.help, self.calls)


def _rebuild(
    kind: type[QKernelError],
    title: str,
    span: Span | None,
    label: str,
    notes: tuple[Note, ...],
    help: str | None,
    calls: tuple[Note, ...],
) -> QKernelError:
    error = kind(title, span=span, label=label, notes=notes, help=help)
    error.calls = calls
    return error


# QK1xx: tracing -----------------------------------------------------------------------------------------------------


class FrontendTransformError(QKernelError):
    """The kernel's Python could not be read as a kernel. Parent of the tracing errors."""

    code = "QK100"


class MissingAnnotationError(FrontendTransformError, TypeError):
    """A kernel's parameter or return lacks a type annotation, or has one that is not a kernel type."""

    code = "QK101"


class UnsupportedPythonError(FrontendTransformError, SyntaxError):
    """A Python construct that kernels do not have; the help shows a rewrite."""

    code = "QK102"
    __str__ = QKernelError.__str__


class SourceUnavailableError(FrontendTransformError, OSError):
    """The source text of the kernel cannot be found, so it cannot be traced."""

    code = "QK103"
    __str__ = QKernelError.__str__


class UnknownNameError(FrontendTransformError, NameError):
    """A name is used that is not defined there, or that a branch or loop may have left undefined."""

    code = "QK104"


class CallArgumentError(FrontendTransformError, TypeError):
    """A gate or kernel is called with too many, too few, unknown or doubled arguments."""

    code = "QK105"


class ReturnTypeError(FrontendTransformError, TypeError):
    """What a kernel returns does not fit its return annotation."""

    code = "QK106"


class SymbolicValueError(FrontendTransformError, TypeError):
    """A value that is known only later meets Python code that needs it now."""

    code = "QK107"


class KernelRecursionError(FrontendTransformError, RecursionError):
    """Kernels call each other without end, or too many calls deep."""

    code = "QK108"


class OutsideKernelError(FrontendTransformError, RuntimeError):
    """A gate or another kernel operation is called outside a kernel."""

    code = "QK109"


class InliningError(FrontendTransformError):
    """A Python function that was handed qubits or symbols failed while it was traced or called."""

    code = "QK110"


class CallableDefinitionConflictError(FrontendTransformError, ValueError):
    """Two different things would have to go by one name."""

    code = "QK111"


# QK2xx: types and ownership -----------------------------------------------------------------------------------------


class AffineTypeError(QKernelError, TypeError):
    """A qubit is not where it should be: returned to another index or with another coverage. Parent of the ownership errors."""

    code = "QK200"


class QubitConsumedError(AffineTypeError):
    """A qubit is used after it was consumed, or a kernel loses a qubit that it was given."""

    code = "QK201"


class QubitBorrowConflictError(AffineTypeError):
    """An element or slice of a register is lent while part of it is lent already."""

    code = "QK202"


class QubitAliasError(AffineTypeError):
    """One qubit stands twice in a call."""

    code = "QK203"


class UnreturnedBorrowError(AffineTypeError):
    """A register is used whole while an element or slice of it is lent."""

    code = "QK204"


class QubitRebindError(AffineTypeError):
    """A name that holds a qubit comes to mean another one at a loop's end or where branches join, or loses its qubit."""

    code = "QK205"


class KernelTypeError(QKernelError, TypeError):
    """A value of the wrong type: an argument, an operand, an index or a condition."""

    code = "QK206"


# QK3xx: binding -----------------------------------------------------------------------------------------------------


class ValidationError(QKernelError, ValueError):
    """A value that was given for an argument is wrong. Parent of the binding errors."""

    code = "QK300"


class UnknownBindingError(ValidationError):
    """A value is given for a name that is not an argument, or not an open one."""

    code = "QK301"


class ConflictingBindingError(ValidationError):
    """A name stands both in `bindings` and in `parameters`, or is given twice."""

    code = "QK302"


class EntrypointValidationError(ValidationError):
    """A value is missing: an argument that shapes the circuit is not bound, or an open one has no value."""

    code = "QK303"
    lacking: tuple[str, ...] = ()
    """The open arguments that the circuit's shape was found to depend on."""
    without_length: tuple[str, tuple[int, ...]] | None = None
    """The open array whose length it was found to depend on, and an example of a shape of it."""


class BindingTypeError(ValidationError, TypeError):
    """A value has the wrong type for its argument."""

    code = "QK304"


class BindingShapeError(ValidationError):
    """A value has the wrong length or number of axes, or batches disagree."""

    code = "QK305"


def unequal_registers(gate: str, lengths: Sequence[int | str], span: Span | None = None) -> BindingShapeError:
    """The error for a gate on several registers that are not of one length."""
    *others, last = map(str, lengths)
    given = f"{', '.join(others)} and {last} qubits"
    return BindingShapeError(
        f"`{gate}` takes registers of one length, and these have {given}",
        span=span,
        label=given,
        help="it acts on the first qubit of each, then on the second of each, and so on; slices have lengths of their own",
    )


class NotFiniteError(ValidationError):
    """A value is NaN or infinite."""

    code = "QK306"


class ObservableError(ValidationError):
    """A Hamiltonian is malformed, or does not fit the qubits that it is measured on."""

    code = "QK307"


# QK4xx: lowering and targets ----------------------------------------------------------------------------------------


class EmitError(QKernelError):
    """A kernel cannot be made into a concrete circuit. Parent of the lowering errors."""

    code = "QK400"


class QubitIndexResolutionError(EmitError, IndexError):
    """An index, known at lowering, lies outside its register or vector."""

    code = "QK401"


class SizeError(EmitError, ValueError):
    """A size or count, known at lowering, is negative, not a whole number or too large."""

    code = "QK402"


class SeparationError(EmitError, TypeError):
    """A value that is known only at run time stands where the circuit's shape or an angle depends on it."""

    code = "QK403"


class TargetCapabilityError(EmitError, NotImplementedError):
    """The chosen engine or target cannot do what the kernel asks."""

    code = "QK404"


class ArithmeticEvaluationError(EmitError, ArithmeticError):
    """An expression has no value: division by zero, the logarithm of a negative number, `acos(1.5)`, overflow. An angle or a
    result that would be NaN or infinite is this error too, in circuits and where executables run."""

    code = "QK405"


class NotUnitaryError(EmitError, ValueError):
    """`inverse`, `control` or `power` of something that is not unitary, or a matrix that is not unitary."""

    code = "QK406"


class EstimateMismatchError(EmitError, AssertionError):
    """A closed-form count and the circuit disagree: a fault of this package, found by `verify_resources`."""

    code = "QK407"


# QK5xx: running -----------------------------------------------------------------------------------------------------


class ExecutionError(QKernelError, RuntimeError):
    """A run failed. Parent of the running errors."""

    code = "QK500"


class ShotsError(ExecutionError, ValueError):
    """Shots are missing where they are needed, or their number is not a positive whole number."""

    code = "QK501"


class UncleanAncillaError(ExecutionError):
    """A kernel promises to clean its ancillas, and leaves one that is not in 0."""

    code = "QK504"


class MemoryRefusedError(ExecutionError, MemoryError):
    """A circuit needs more memory than there is."""

    code = "QK502"


class JobError(ExecutionError):
    """A job that was submitted failed at its provider, was cancelled, or could not be reached."""

    code = "QK505"
    is_lost = False
    """Whether a connection was lost, so that the provider's job may go on."""


class JobTimeoutError(JobError, TimeoutError):
    """A job is not done in the time that `result(timeout=...)` gives it; it goes on."""

    code = "QK506"
    __str__ = QKernelError.__str__


class DependencyError(QKernelError, ImportError):
    """An optional package or an engine is not installed."""

    code = "QK503"


@contextmanager
def needed(what: str, extra: str) -> Iterator[None]:
    """Turns an import that fails in here into an error: `what` needs a package of an extra of this one."""
    try:
        yield
    except ImportError as error:
        if isinstance(error, DependencyError):
            raise
        title = f"{what} a package that is not installed: {error}"
        raise DependencyError(title, help=f'install it: `pip install "qkernel[{extra}]"`') from error


# QK6xx: gradients ---------------------------------------------------------------------------------------------------


class GradientError(QKernelError, RuntimeError):
    """A derivative was asked for that this engine, kernel or rule does not have."""

    code = "QK600"


class LayerInputError(QKernelError, ValueError):
    """A tensor given to a layer has the wrong width, dtype or device."""

    code = "QK601"


# QK7xx: files and data ----------------------------------------------------------------------------------------------


class TextFormError(QKernelError, ValueError):
    """A text, a file or a module made by hand is not a well-formed kernel."""

    code = "QK700"


class DataError(QKernelError, OSError):
    """A file cannot be read or written, is truncated, of the wrong kind or not the published one."""

    code = "QK701"
    __str__ = QKernelError.__str__


@contextmanager
def of_file(path: str | PathLike[str], what: str) -> Iterator[None]:
    """Turns what the system says in here into a `DataError`: the file cannot be `what`, read or written."""
    try:
        yield
    except OSError as error:
        if isinstance(error, QKernelError):
            raise
        name, folder = fspath(path), dirname(fspath(path))
        reason = f"there is no folder `{folder}`" if folder and not isdir(folder) else error.strerror or error
        raise DataError(f"`{name}` cannot be {what}: {reason}") from error


class ProgramError(QKernelError, RuntimeError):
    """A file of the user's that the command line was given fails while it runs, or lacks the kernel."""

    code = "QK702"


class OpenQasmError(QKernelError, ValueError):
    """A text is no OpenQASM, or says what kernels do not have."""

    code = "QK703"
