"""What a trace knows while it runs: where it is, what it has emitted, which names are taken, who owns what; and its reader.

By type of node, a function reads an expression or a statement; `reads` registers them.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

from qkernel.diagnostics import Note, Span
from qkernel.errors import FrontendTransformError, KernelTypeError, QKernelError, SymbolicValueError, UnsupportedPythonError
from qkernel.frontend.arrays import Arrays, Gone, part, show, whole_vector
from qkernel.frontend.outlines import AnyKernel, Outline
from qkernel.frontend.ownership import Ledger, Move, QuantumHandle, is_of_qubits, joined_register
from qkernel.frontend.signature import CallSite
from qkernel.frontend.source import Captures, Source
from qkernel.frontend.values import describe, holds
from qkernel.ir.expression_text import as_written
from qkernel.ir.expressions import Expr, Name, Size, wrap
from qkernel.ir.ops import Op
from qkernel.ir.places import Place, whole
from qkernel.ir.python_values import NotClassical, SymbolUse, is_number
from qkernel.ir.types import QUBIT, ArrayType, ScalarType
from qkernel.tracing import active


@dataclass(slots=True, eq=False)
class Frame:
    """A function that is being read: the kernel itself, or a plain Python function traced into it.

    `dead` are names that it had and cannot be read any more; `assigned` says where names were last; `unrolled` are
    variables of Python loops that have ended, not assigned since; `enclosing` is the
    frame that a function written in a kernel was made in; `call` says of a plain function where it was called.
    """

    source: Source
    name: str
    variables: dict[str, Any]
    outer: Callable[[str], Any]
    dead: dict[str, Gone] = field(default_factory=dict)
    unrolled: set[str] = field(default_factory=set)
    assigned: dict[str, Span] = field(default_factory=dict)
    symbolic_depth: int = 0
    enclosing: Frame | None = None
    call: tuple[str, Span] | None = None

    def span(self, node: ast.AST) -> Span:
        return self.source.span(node, self.call)


@dataclass(slots=True)
class Once:
    """A body that is read once, for all iterations of a loop or for one side of a branch: `node` of `frame` is that.

    It may change the Python data that it `made`, by identity, and no other.
    """

    node: ast.AST
    frame: Frame
    made: dict[int, Any] = field(default_factory=dict)

    @property
    def is_branch(self) -> bool:
        return isinstance(self.node, (ast.If, ast.IfExp, ast.BoolOp, ast.Compare))

    @property
    def label(self) -> str:
        """What is to be said under a caret."""
        return "both sides are read" if self.is_branch else "read once, for all iterations"

    def notes(self, frame: Frame) -> tuple[Note, ...]:
        """Where the loop or branch stands, if it is not in `frame`, where its body has called to."""
        place = head(self.node)
        words = "the branch" if self.is_branch else "the loop"
        return () if frame is self.frame else (Note(words, self.frame.span(place)),)

    def change(self, name: str, value: Any, frame: Frame, node: ast.AST, of_qubits: bool = False) -> UnsupportedPythonError:
        """The error for Python data from before the body that is changed in it; `of_qubits` where by qubits."""
        kind = value.__name__ if isinstance(value, type) else type(value).__name__
        return UnsupportedPythonError(
            f"`{name}` is a Python {kind} and cannot change where the kernel repeats or branches",
            span=frame.span(node),
            label=self.label,
            notes=self.notes(frame),
            help=f"make a register before: `{name} = qk.qubit_array(n)`, then `{name}[i] = ...`"
            if of_qubits and name.isidentifier()
            else f"use a vector: `{name} = qk.bit_array(n)`, then `{name}[i] = ...`"
            if isinstance(value, (list, dict, set)) and name.isidentifier()
            else f"add to it by giving the name another value: `{name} = {name} + ...`"
            if hasattr(value, "add_term")
            else "change it before or after, or keep what changes as numbers and bits: `x = ...`"
            if self.is_branch
            else unrolled(self.node),
        )


def head(node: ast.AST) -> Any:
    """The part of a loop or branch that decides how often, or whether, its body runs; all of any other node."""
    return getattr(node, "iter", getattr(node, "test", node))


def unrolled(node: ast.AST) -> str:
    """How a loop is written that is read anew for each of its iterations."""
    target = ast.unparse(node.target) if isinstance(node, ast.For) else "i"
    return f"a loop over a Python list is read iteration by iteration: `for {target} in [...]:`"


class Tracer:
    """The state of one trace of one kernel."""

    def __init__(self, kernel: AnyKernel) -> None:
        self.kernel = kernel
        self.captures = Captures()
        self.ledger = Ledger()
        self.frames: list[Frame] = []
        self.ops: list[Op] = []
        self.scopes: list[dict[str, int]] = [{}]  # names, and the last number that others like them were given
        self.stretches: dict[str, dict[Place, QuantumHandle]] = {}  # by register: itself and its views, as they were first
        self.callees: dict[str, AnyKernel] = {}
        self.closures: dict[Any, AnyKernel] = {}  # kernels made of functions, by what these do
        self.used: list[tuple[AnyKernel, Outline]] = []
        self.ended: dict[str, Move] = {}
        self.site = CallSite(None)
        self.pending: list[list[QuantumHandle]] = []
        self.hints: tuple[str, ...] = ()  # the names that the statement under way assigns
        self.discarding = False
        self.once: list[Once] = []  # the bodies under way that are read once, the innermost last
        self.arrays = Arrays()

    @property
    def hint(self) -> str | None:
        """The user's own name for a result, where the statement assigns one name."""
        return self.hints[0] if len(self.hints) == 1 else None

    @property
    def is_in_kernel(self) -> bool:
        """Whether the kernel's own body is being read, or a function that is written in it; not one from around it."""
        frame = self.frame
        while frame.enclosing is not None:
            frame = frame.enclosing
        return frame is self.frames[0]

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    def made(self, value: Any) -> Any:
        """`value`, Python data that the body under way has made, and may change."""
        if self.once:
            self.once[-1].made[id(value)] = value
        return value

    def call_python(self, function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], node: ast.Call) -> Any:
        """Call a function of Python's the way that fits what it is."""
        raise NotImplementedError

    def check_change(self, value: Any, name: str, node: ast.AST, given: Any = ()) -> None:
        """Raise where a body that is read once is about to change Python data that it has not made; `name` shows it, `given`
        goes into it."""
        if self.once and id(value) not in self.once[-1].made:
            raise self.once[-1].change(name, value, self.frame, node, any(map(is_of_qubits, given)))

    # reading ------------------------------------------------------------------------------------------------------

    def read(self, node: ast.expr) -> Any:
        """The value of an expression: a Python value, a symbol or a handle."""
        try:
            value = self.arrays.held(self._reader(node)(self, node))
            if self.arrays.gone:
                self._check_there(value, node)
            return value
        except Exception as error:
            self.raise_at(node, error)

    def run(self, statements: list[ast.stmt]) -> Signal:
        """Execute statements; the signal says how the block ended early."""
        for statement in statements:
            try:
                signal: Signal = self._reader(statement)(self, statement)
            except Exception as error:
                self.raise_at(getattr(statement, "test", statement), error)
            if signal is not None:
                return signal
        return None

    def _reader(self, node: ast.AST) -> Reader:
        """The reader of a node's type; raises for what kernels do not have."""
        found = _READERS.get(type(node))
        if found is None:
            raise unsupported(node)
        return found

    def _check_there(self, value: Any, node: ast.expr) -> None:
        """Raise for an array, or a list with one in it, that is not what Python would have there."""
        why = self.arrays.why_gone(value)
        if why is not None:
            shown = ast.unparse(node)
            is_around = isinstance(node, ast.Name) and find_frame(self.frame, node.id) is None
            raise why("" if is_around else shown, self.frame).error(shown)

    def raise_at(self, node: ast.AST, error: Exception) -> NoReturn:
        """Raise `error`, which came up while `node` was read, as an error of the kernel's: at that place, if it names none."""
        found = of_kernel(error)
        if isinstance(found, QKernelError):
            found.span = found.span or self.frame.span(node)
        if found is error:
            raise error
        raise found from (error if type(found) is FrontendTransformError else error.__cause__)

    # emitting -----------------------------------------------------------------------------------------------------

    def emit(self, op: Op) -> None:
        self.ops.append(op)

    @contextmanager
    def block(self) -> Iterator[list[Op]]:
        """Collect the ops of a nested block in a scope of its own."""
        outer, self.ops = self.ops, []
        self.scopes.append({})
        try:
            yield self.ops
        finally:
            self.ops = outer
            self.scopes.pop()

    def fresh(self, wanted: str | None, default: str) -> str:
        """A name that nothing in scope has: the wanted one, or that with a number."""
        base = wanted or default
        name, count = base, max(scope.get(base, 0) for scope in self.scopes)
        while any(name in scope for scope in self.scopes):
            count += 1
            name = f"{base}.{count}"
        self.scopes[-1] |= {name: 0, base: count} if count else {name: 0}
        return name

    def free(self, names: Iterable[str]) -> None:
        """Names that were the last to be `fresh` here can be given again."""
        scope = self.scopes[-1]
        for name in names:
            del scope[name]
            base, _, number = name.rpartition(".")
            if number.isdecimal() and base in scope:
                scope[base] = min(scope[base], int(number) - 1)

    # qubits -------------------------------------------------------------------------------------------------------

    def register(self, name: str, length: Expr | None, shown: str | None = None, known: bool = True) -> QuantumHandle:
        """A handle of all of register `name`; its length is read off the register where it is not `known`."""
        type = QUBIT if length is None else ArrayType(QUBIT)
        size = length if known else Size(Name(name, type))
        return self.noted(QuantumHandle(whole(name, type), size, shown or name))

    def noted(self, handle: QuantumHandle) -> QuantumHandle:
        """The handle, whose place is remembered where it is a register or view."""
        if handle.length is not None and isinstance(handle.place.register, str):
            known = self.stretches.setdefault(handle.place.register, {})
            if handle.parent is not None or handle.place not in known:
                known[handle.place] = handle
        return handle

    def lend(self, parent: QuantumHandle, key: Any, text: str | None = None, literal: bool = True) -> QuantumHandle:
        """`parent[key]`: the element or view, recorded as out."""
        span = self.site.span
        if not parent.is_register:
            raise _not_a_register(parent, span)
        name = f"{parent.name}[{text if text is not None else show(key)}]"
        lent = part(parent, key, name, literal)
        self.ledger.lend(parent, lent, span, self.pending[-1] if self.pending else ())
        if self.pending:
            self.pending[-1].append(lent)
        return self.noted(lent)

    def length(self, handle: QuantumHandle, span: Span | None) -> Any:
        """How many qubits a register has. A part that no name holds was taken to ask for this only, and is not out."""
        if not handle.is_register:
            raise _not_a_register(handle, span)
        held = any(holds(value, handle) for frame in self.frames for value in frame.variables.values())
        if handle.parent is not None and not held:
            self.ledger.untake(handle)
        return handle.shape[0]

    def give_back(self, parent: QuantumHandle, key: Any, value: Any, text: str | None = None, literal: bool = True) -> None:
        """`parent[key] = value`."""
        span = self.site.span
        name = f"{parent.name}[{text if text is not None else show(key)}]"
        if not isinstance(value, QuantumHandle):
            raise KernelTypeError(
                f"`{name}` holds qubits, and this is {describe(value)}",
                span=span,
                label="not a qubit",
                help="a gate on several qubits returns all of them: `q[0], q[1] = qk.cx(q[0], q[1])`"
                if isinstance(value, tuple)
                else "a measured qubit does not come back: keep the bits in a variable or in `qk.bit_array(n)`",
            )
        if not parent.is_register:
            raise _not_a_register(parent, span)
        target = part(parent, key, name, literal)
        self.ledger.give_back(parent, target.place, name, value, span)

    def take(self, handle: QuantumHandle, what: str, span: Span | None, consumed: bool = False) -> None:
        """Use `handle` up: `what` reads like "passed to `h`"."""
        for each in handle.parts:
            self.ledger.move(each, Move(what, span, consumed, self.discarding and not consumed))
            if consumed:
                self._end(each, self.ledger.moves[each])

    def consume(self, handle: QuantumHandle) -> None:
        """Mark a handle, already taken, as gone for good."""
        for each in handle.parts:
            self._end(each, self.ledger.mark_consumed(each))

    def _end(self, handle: QuantumHandle, move: Move) -> None:
        for register in handle.place.registers:
            self.ended.setdefault(register, move)

    def expect_qubits(self, value: Any, what: str, span: Span | None = None) -> QuantumHandle:
        """`value` if it is a handle, or one register of those in lists and tuples."""
        if isinstance(value, QuantumHandle):
            return value
        if is_of_qubits(value):
            return joined_register(value, span)
        if isinstance(value, (list, tuple)):
            raise _not_of_qubits(value, what, span)
        raise KernelTypeError(
            f"{what} must be a Qubit or a Vector[Qubit], but this is {describe(value)}", span=span, label="not a qubit"
        )

    def scalar(self, value: Any, what: str, span: Span | None = None) -> Expr:
        """`value` as a number or bit."""
        match value:
            case Expr(type=ScalarType()):
                return value
            case Expr():
                raise SymbolUse(value, what.removeprefix("argument of "))
        if not is_number(value):
            raise KernelTypeError(f"{what} must be a number, but this is {describe(value)}", span=span, label="not a number")
        return wrap(value)


def active_tracer(what: str) -> Tracer:
    """The tracer of the kernel that is being traced; `what` needs one."""
    return active(what)  # type: ignore[no-any-return]


def _not_of_qubits(given: Any, what: str, span: Span | None) -> KernelTypeError:
    """The error for a list or tuple that is to stand for a register and has something else in it, or nothing."""
    other = next((entry for entry in given if not is_of_qubits(entry)), None) if given else None
    content = "nothing" if not given else describe(other)
    return KernelTypeError(
        f"{what} must be a Qubit or a Vector[Qubit], but this is a {type(given).__name__} with {content} in it",
        span=span,
        label="not only qubits" if given else "no qubits",
        help="a list of qubits and registers is one register, in their order: `[q[0], q[3], r]`",
    )


def _not_a_register(handle: QuantumHandle, span: Span | None) -> KernelTypeError:
    return KernelTypeError(
        f"`{handle.name}` is one qubit and has neither elements nor a length",
        span=span,
        label="one qubit",
        help="a register is made by `qk.qubit_array(n)`; as an argument it is a `qk.Vector[qk.Qubit]`",
    )


Reader = Callable[[Tracer, Any], Any]
_READERS: dict[type[ast.AST], Reader] = {}


def reads(*kinds: type[ast.AST]) -> Callable[[Reader], Reader]:
    """Make a function the reader of these types of expressions or statements."""

    def register(reader: Reader) -> Reader:
        _READERS.update(dict.fromkeys(kinds, reader))
        return reader

    return register


@dataclass(frozen=True, slots=True)
class Return:
    """A `return` was reached."""

    value: Any
    node: ast.Return


class Break:
    """A `break` was reached."""


class Continue:
    """A `continue` was reached."""


Signal = Return | Break | Continue | None


def unsupported(node: ast.AST) -> UnsupportedPythonError:
    """The error for what kernels do not have, with what to write in its place."""
    construct = _WORDS.get(type(node), type(node).__name__)
    match node:
        case ast.Try() | ast.TryStar():
            way_out = "ask before, with `if`; or write the `try` around the call of the kernel"
        case ast.With(items):
            opened = ", ".join(map(ast.unparse, items))
            way_out = f"do it before, outside; the kernel reads names from around it:\n    with {opened}:\n        ..."
        case ast.ClassDef(name):
            way_out = f"define it outside of the kernel:\n    class {name}:\n        ..."
        case ast.Global([name, *_]) | ast.Nonlocal([name, *_]):
            way_out = f"give it another name in the kernel, and return it: `new_{name} = ...`"
        case ast.Import() | ast.ImportFrom():
            way_out = f"write `{ast.unparse(node)}` at the top of the module"
        case ast.Match(subject, [ast.match_case(ast.MatchValue(value)), *_]):
            lines = (f"if {ast.unparse(subject)} == {ast.unparse(value)}:", "    ...", "else:", "    ...")
            way_out = "\n    ".join(("write it with `if`:", *lines))
        case ast.Match():
            way_out = "write it with `if`, `elif` and `else`"
        case ast.AsyncFunctionDef(name, arguments):
            way_out = f"write `def {name}({ast.unparse(arguments)}):`"
        case ast.Yield() | ast.YieldFrom():
            way_out = _COLLECT
        case ast.Await():
            way_out = "leave out the `await`"
        case _:
            way_out = "leave it out"
    return UnsupportedPythonError(f"`{construct}` does not exist in a kernel", label="not supported", help=way_out)


FOREIGN: dict[type[ast.AST], str] = {
    ast.Try: "try",
    ast.TryStar: "try",
    ast.With: "with",
    ast.ClassDef: "class",
    ast.Global: "global",
    ast.Nonlocal: "nonlocal",
    ast.Match: "match",
    ast.AsyncFunctionDef: "async def",
    ast.Yield: "yield",
    ast.YieldFrom: "yield from",
    ast.Await: "await",
}
"""What no function that is read may have in it."""
_WORDS = {**FOREIGN, ast.Import: "import", ast.ImportFrom: "import"}
_COLLECT = "collect the values in a vector, and return it:\n    bits = qk.bit_array(n)\n    bits[i] = qk.measure(q[i])"


def find_frame(frame: Frame | None, name: str) -> Frame | None:
    """The frame that has `name`: this one, or one that its function was written in."""
    while frame is not None and name not in frame.variables:
        frame = frame.enclosing
    return frame


def of_kernel(error: Exception) -> Exception:
    """What came up while a kernel was read, in the user's words."""
    match error:
        case QKernelError() | RecursionError():
            return error
        case NotClassical():
            title = f"this is {describe(error.value)}, which is no value that a kernel computes with"
            return KernelTypeError(title, label="not a number, bit or observable")
        case SymbolUse():
            return _symbol_error(error)
    return FrontendTransformError(f"{type(error).__name__}: {error}", label="raised while the kernel was traced")


def _symbol_error(error: SymbolUse) -> QKernelError:
    shown = as_written(error.expr)
    if isinstance(error.expr.type, ArrayType) and error.help is None:
        return whole_vector(error.expr, error.use)
    return SymbolicValueError(
        f"`{shown}` is not known yet, and {error.use} needs its value now",
        label=f"needs the value of `{shown}`",
        help=error.help
        or "a kernel is traced once for all values; use the kernel's own operators, `qk.range` and `if`, or take the value "
        "from Python (a closure or a global) instead of an argument",
    )
