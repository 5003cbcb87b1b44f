"""`@qkernel` and `Kernel`: what a user holds."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

import numpy as np

from qkernel import summary
from qkernel.errors import (
    BindingTypeError,
    CallableDefinitionConflictError,
    ConflictingBindingError,
    EntrypointValidationError,
    KernelTypeError,
    QKernelError,
)
from qkernel.executable import Executable
from qkernel.frontend.calls import spread_structs
from qkernel.frontend.signature import CallSite, Outline, Signature, assumed_outline, bind, parts_of, read_signature
from qkernel.frontend.source import Source, read_source, snapshot, whereabouts
from qkernel.frontend.trace import Traced, check_assumption, check_recursion, link, nested_too_deeply, trace
from qkernel.frontend.values import describe
from qkernel.ir.module import Module
from qkernel.ir.types import FLOAT, ArrayType, DictType, Type, is_quantum
from qkernel.ir.verifier import verify
from qkernel.lower import lower
from qkernel.lower.bindings import given, normalise, refuse_graph
from qkernel.lower.lengths import Lengths, given_lengths, lengths_of
from qkernel.promises import check_promises
from qkernel.recent import Recent
from qkernel.recursion import deep_stack
from qkernel.tracing import active, is_tracing
from qkernel.verbs import DIRECT, Verbs

P = ParamSpec("P")
R = TypeVar("R")


class Kernel(Verbs, Generic[P, R]):
    """A quantum kernel: traced at first use, once for all values of its arguments."""

    def __init__(
        self, function: Callable[P, R], *, kind: str = "kernel", label: str | None = None, clean_ancillas: bool = False
    ) -> None:
        assert isinstance(function, types.FunctionType)
        self.function = self.__wrapped__ = function
        self.name = function.__name__
        self.__name__, self.__doc__, self.__module__ = function.__name__, function.__doc__, function.__module__
        self.kind, self.label, self.clean_ancillas = kind, label, clean_ancillas
        self.source: Source = read_source(function)
        self.signature: Signature = read_signature(function, self.source)
        self._refuse_names_of_options()
        self._traced: Traced | None = None
        self._assumed: Outline | None = None
        self._busy = False
        self._module: tuple[tuple[Traced, ...], Module] | None = None
        self._compiled = Recent[Any, Executable | frozenset[str]](MOST_PROGRAMS)

    def _refuse_names_of_options(self) -> None:
        """By these names every other argument and option can be given, so that they cannot be arguments themselves."""
        for parameter in self.signature.parameters:
            if parameter.name in DIRECT:
                raise CallableDefinitionConflictError(
                    f"an argument of a kernel cannot be called `{parameter.name}`",
                    span=parameter.span,
                    label="what `run`, `sample` and `draw` call all arguments or options together",
                    help=f"call it `{parameter.name}_value`, for example",
                )

    @cached_property
    def _argument_names(self) -> frozenset[str]:  # type: ignore[override]
        return frozenset(name.partition(".")[0] for name in self.signature.names)

    # the kernel as a whole ------------------------------------------------------------------------------------------

    @property
    def ir(self) -> Module:
        """The kernel and every kernel that it reaches, as IR. Its `str()` is the text form."""
        with _each_once():
            reached = self._reached()
            if self._module is None or any(new is not old for new, old in zip(reached, self._module[0], strict=False)):
                self._module = reached, link(self)
                self._compiled.clear()
            return self._module[1]

    def _reached(self) -> tuple[Traced, ...]:
        """The traces of this kernel and of all that it reaches, each brought up to date."""
        found: dict[int, Traced] = {}
        pending: list[Any] = [self]
        while pending:
            kernel = pending.pop()
            if id(kernel) not in found:
                found[id(kernel)] = traced = kernel.traced()
                pending += traced.callees.values()
        return tuple(found.values())

    def traced(self) -> Traced:
        """The kernel's trace; read anew where something that it captured from around it has changed."""
        if self._busy and self._traced is not None:
            return self._traced  # a kernel that reaches itself
        with _each_once() as current:
            if self._traced is None or (self not in current and self._is_stale(self._traced)):
                self._traced = self._trace()
            current.add(self)
        return self._traced

    def _trace(self) -> Traced:
        global _depth
        _depth += 1
        self._busy, self._traced, self._assumed = True, None, None
        try:
            check_recursion(_depth, self)
            with deep_stack(_READING * (_depth - 1)):  # no more than is needed: users' functions run in it
                traced = trace(self)
            check_assumption(self, self._assumed, traced.outline)
        except RecursionError as error:
            if _depth > 1 or isinstance(error, QKernelError):
                raise
            raise nested_too_deeply(self) from None
        finally:
            _depth -= 1
            self._busy = False
        return traced

    def _is_stale(self, traced: Traced) -> bool:
        """Whether a captured name, or what comes back from a kernel that this one calls, has changed."""
        self._busy = True
        try:
            with deep_stack():
                return traced.captures.changed() or any(kernel.outline() is not outline for kernel, outline in traced.used)
        finally:
            self._busy = False

    def outline(self) -> Outline:
        """What a caller needs to know; while the kernel itself is being traced, what its annotations promise."""
        if self._busy and self._traced is None:
            if self._assumed is None:
                self._assumed = assumed_outline(self.signature)
            return self._assumed
        return self.traced().outline

    @property
    def is_settled(self) -> bool:
        """Whether the kernel is not being traced right now."""
        return not self._busy

    def check(self, /, **values: Any) -> None:
        """Trace the kernel and everything that it calls now; raises what is wrong.

        Where a kernel promises to clean its ancillas it is simulated, for all that its qubits may hold: at `values`, a
        register's value is its length, else at lengths and whole numbers 0 to 4; angles that are not given are random.
        Raises `UncleanAncillaError` where the promise is broken.
        """
        verify(self.ir)
        check_promises(self.ir, values)

    @property
    def input_types(self) -> dict[str, Type]:
        """The types of the arguments by name."""
        return {parameter.name: parameter.type for parameter in self.signature.parameters}

    @property
    def output_types(self) -> tuple[Any, ...]:
        """The types of what is returned."""
        return parts_of(self.signature.returned)

    def __copy__(self) -> Kernel[P, R]:
        return self

    def __deepcopy__(self, memo: Any) -> Kernel[P, R]:
        return self

    def __reduce__(self) -> str:
        """A kernel is pickled as the name under which its module has it."""
        found: Any = sys.modules.get(self.__module__)
        name = str(self.function.__qualname__)
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is not self:
            raise KernelTypeError(
                f"`{self.name}` cannot be pickled: `{self.__module__}` has no such name for it",
                help="write the kernel at the top of a module, or keep its text form: `kernel.save(path)`",
            )
        return name

    def __repr__(self) -> str:
        return f"<kernel {summary.signature(self, self.signature)}>"

    def __str__(self) -> str:
        return summary.text_summary(self, self.signature)

    def _repr_html_(self) -> str:
        return summary.html_summary(self, self.signature)

    # running --------------------------------------------------------------------------------------------------------

    if TYPE_CHECKING:

        def __call__(self, /, *arguments: P.args, **keywords: P.kwargs) -> R: ...
    else:

        def __call__(self, /, *arguments, **keywords):
            """In a kernel: call this kernel. Outside: `run`."""
            if is_tracing():
                return active(f"`{self.name}`").call_kernel(self, arguments, keywords)
            return self.run(*arguments, **keywords)

    def compile(
        self,
        bindings: Mapping[str, Any] | None = None,
        parameters: Iterable[str] | None = None,
        *,
        engine: Any = "auto",
        shots: int | None = None,
        seed: int | None = None,
        lengths: Mapping[str, int | Iterable[Any]] | None = None,
        reuse_measured: bool = False,
    ) -> Executable:
        """An executable with `bindings` fixed and `parameters` open.

        Arguments in neither become parameters where they shape nothing. `lengths` gives shapes of open arrays, and the
        keys of open dictionaries. `engine`, `shots` and `seed` hold for every call that names none: see `Verbs`. With
        `reuse_measured` qubits that called kernels make and measure are reset when these end, and used again.
        """
        refuse_graph(self.name, given(bindings))
        known, module = Lengths(given_lengths(self.ir.entry, lengths)), replace(self.ir, reuse_measured=reuse_measured)
        return self._lowered(bindings, parameters, known, module=module, engine=engine, shots=shots, seed=seed)

    def _lowered(
        self,
        bindings: Mapping[str, Any] | None,
        parameters: Iterable[str] | None,
        lengths: Lengths,
        takes_qubits: bool = False,
        module: Module | None = None,
        **settings: Any,
    ) -> Executable:
        """As `compile`; `takes_qubits` lets the kernel have quantum arguments, the value of a register is then its length."""
        module = module or self.ir
        bound = normalise(module.entry, given(bindings), self._fields(parameters), takes_qubits)
        return Executable(lower(module, bound.values, bound.open, lengths), module, fixed=bound.values, **settings)

    def _fields(self, names: Iterable[str] | str | None) -> tuple[str, ...] | None:
        return None if names is None else self.signature.spread(names)

    def _derivable(self, wrt: Iterable[str] | str | None) -> tuple[str, ...] | None:
        return None if wrt is None else self.signature.derivable(wrt)

    def _ready(
        self, values: dict[str, Any], wrt: tuple[str, ...] = (), positional: int = 0, takes_qubits: bool = False
    ) -> tuple[Executable, dict[str, Any]]:
        """An executable with the Float arguments open where they shape nothing, cached, and their values.

        Which of them shape the circuit lowering finds out, once for the same other values: their names are then kept instead.
        A dictionary of Floats, which mostly tells of a problem, is open only where a batch or `wrt` asks for it.
        """
        types = {parameter.name: parameter.type for parameter in self.ir.entry.parameters}
        open_names = [
            name
            for name, value in values.items()
            if _is_float(types.get(name)) or (_opens(types.get(name), value) and (name in wrt or _has_batch(value)))
        ]
        shaping, first = frozenset[str](), None
        while True:
            names = [name for name in open_names if name not in shaping]
            key, lengths = self._opening(values, names, takes_qubits)
            first = first or key
            found = self._compiled.get(key)
            if found is None:
                try:
                    found = self._opened(values, names, lengths, positional, takes_qubits)
                except EntrypointValidationError as error:
                    if not names:
                        raise
                    found, key = shaping | (frozenset(error.lacking).intersection(names) or frozenset(names)), first
                if key is not None:
                    self._compiled.keep(key, found)
            if isinstance(found, Executable):
                return found, {name: values[name] for name in names}
            shaping = found

    def _opening(self, values: dict[str, Any], names: list[str], takes_qubits: bool) -> tuple[Any, Lengths]:
        """What a circuit is made of whose `names` stay open, as a key if it can be one: the other values, and their lengths."""
        fixed = _key({name: value for name, value in values.items() if name not in names})
        lengths = lengths_of(self.ir.entry, {name: values[name] for name in names})
        key = None if fixed is None else (fixed, tuple(names), tuple(lengths.items()), takes_qubits)
        return key, Lengths(lengths, trims=True)

    def _opened(
        self, values: dict[str, Any], names: list[str], lengths: Lengths, positional: int, takes_qubits: bool
    ) -> Executable:
        fixed = {name: value for name, value in values.items() if name not in names}
        try:
            return self._lowered(fixed, names, lengths, takes_qubits)
        except BindingTypeError as error:
            usage = f"`{self.name}({', '.join(self.signature.names)})`"
            error.help = f"the order of the arguments is {usage}" if positional > 1 else error.help
            raise

    def _values(
        self, arguments: tuple[Any, ...], bindings: Mapping[str, Any] | None, keywords: dict[str, Any]
    ) -> dict[str, Any]:
        named = given(bindings)
        if twice := [name for name in named if name in keywords]:
            raise ConflictingBindingError(f"`{twice[0]}` is given twice: in `bindings` and by its name")
        optional = frozenset(p.name for p in self.signature.parameters if p.default is not None or is_quantum(p.type))
        arguments, keywords, _ = spread_structs(self, arguments, {**named, **given(keywords)}, CallSite(None))
        return bind(self.name, self.signature.names, optional, arguments, keywords, CallSite(None))[0]


MOST_PROGRAMS = 16
"""What `run`, `sample` and `grad` compiled last, kept for each kernel."""

_READING = 3  # how many times the room that lowering a call takes, reading a called kernel takes
_depth = 0
_current: ContextVar[set[AnyKernel] | None] = ContextVar("kernels found up to date", default=None)


@contextmanager
def _each_once() -> Iterator[set[AnyKernel]]:
    """The kernels that are known to be up to date: in here each is asked once, however many others call it."""
    current = _current.get()
    if current is not None:
        yield current
        return
    token = _current.set(current := set())
    try:
        yield current
    finally:
        _current.reset(token)


def _is_float(type: Type | None) -> bool:
    return type == FLOAT or (isinstance(type, ArrayType) and type.element == FLOAT)


def _opens(type: Type | None, value: Any) -> bool:
    return isinstance(type, DictType) and type.value == FLOAT and isinstance(value, Mapping) and bool(value)


def _has_batch(value: Any) -> bool:
    return isinstance(value, Mapping) and any(np.ndim(part) for part in value.values())


def _key(values: dict[str, Any]) -> Any:
    """Fixed values as a dictionary key; None where they cannot be one."""
    try:
        frozen = tuple((name, snapshot(value)) for name, value in values.items())
        hash(frozen)
    except (TypeError, RuntimeError, NotImplementedError):  # the latter two are of tensors without data
        return None
    return frozen


@overload
def qkernel(function: Callable[P, R]) -> Kernel[P, R]: ...
@overload
def qkernel(*, clean_ancillas: bool = ...) -> Callable[[Callable[P, R]], Kernel[P, R]]: ...
def qkernel(function: Any = None, *, clean_ancillas: bool = False) -> Any:
    """Make a kernel of a function with annotated arguments and result.

    `clean_ancillas` promises that qubits which the kernel makes and drops are back in 0, so that it can be inverted and
    controlled, and that they can be used again; simulators look whether they are. Raises `MissingAnnotationError`
    (a TypeError) where an annotation is missing.
    """
    if function is None:
        return partial(qkernel, clean_ancillas=clean_ancillas)
    return Kernel(_checked(function, "qkernel"), clean_ancillas=clean_ancillas)


def _checked(function: Any, decorator: str) -> types.FunctionType:
    if isinstance(function, types.FunctionType) and function.__name__ != "<lambda>":
        return function
    is_lambda = isinstance(function, types.FunctionType)
    what = "a lambda" if is_lambda else describe(function)
    raise KernelTypeError(
        f"`@{decorator}` goes over a `def`, but this is {what}",
        span=whereabouts(function) if is_lambda else None,
        label="a lambda" if is_lambda else "",
        help=f"write `@{decorator}` directly over the function",
    )


AnyKernel = Kernel[..., Any]


def composite_gate(kernel: Any = None, *, name: str | None = None) -> Any:
    """Make a named box of a kernel: one box in drawings, a named instruction in Qiskit. Goes over `@qkernel`."""
    if kernel is None:
        return lambda inner: composite_gate(inner, name=name)
    source = kernel.function if isinstance(kernel, Kernel) else _checked(kernel, "composite_gate")
    clean = kernel.clean_ancillas if isinstance(kernel, Kernel) else False
    return Kernel(source, kind="composite", label=name or source.__name__, clean_ancillas=clean)
