"""`@qkernel` and `Kernel`: what a user holds."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, overload

from qkernel import summary
from qkernel.boundary import api_boundary
from qkernel.compilation import MOST_PROGRAMS, Compiled
from qkernel.errors import (
    CallableDefinitionConflictError,
    CallArgumentError,
    ConflictingBindingError,
    KernelTypeError,
    QKernelError,
)
from qkernel.executable import Executable
from qkernel.form_checks import MOST_DIFFERENT, form_tests
from qkernel.frontend.closures import kernel_of
from qkernel.frontend.kernel_arguments import check_argument, check_form, given_kernels, is_taken, spread_structs
from qkernel.frontend.linking import link
from qkernel.frontend.outlines import (
    Outline,
    argument_signature,
    assumed_outline,
    in_ir,
    ir_parameters,
    parameter_handle,
    written_parameters,
)
from qkernel.frontend.ownership import QuantumHandle
from qkernel.frontend.signature import CallSite, KernelArgument, Signature, Value, bind, parts_of, read_signature
from qkernel.frontend.source import Captures, Source, read_source
from qkernel.frontend.trace import Traced
from qkernel.frontend.tracer import Tracer
from qkernel.ir.expressions import Expr
from qkernel.ir.measured import KernelEffect, effects_of
from qkernel.ir.module import Module
from qkernel.ir.ops import Call, Function, Parameter
from qkernel.ir.places import Place, whole
from qkernel.ir.types import TupleType, Type, is_quantum
from qkernel.ir.verifier import verify
from qkernel.ir.walk import walk
from qkernel.lower.bindings import given
from qkernel.promises import check_promises
from qkernel.recent import Recent
from qkernel.traceable import Traceable, each_once
from qkernel.tracing import active, is_tracing
from qkernel.verb import DIRECT

if TYPE_CHECKING:
    from typing_extensions import ParamSpec, TypeVar

    from qkernel.optimize import OptimizationReport, Pass

    P = ParamSpec("P", default=...)
    R = TypeVar("R", default=Any)
    T = TypeVar("T")
    Given = list[Any] | tuple[Any, ...] | Callable[..., Any]
else:
    from typing import ParamSpec, TypeVar

    P, R, T = ParamSpec("P"), TypeVar("R"), TypeVar("T")


class Kernel(Traceable, Compiled, Generic[P, R]):
    """A quantum kernel: traced at first use, once for all values of its arguments."""

    generic: AnyKernel
    given: Mapping[AnyKernel, AnyKernel] = {}
    arguments: Mapping[str, AnyKernel] = {}
    open: tuple[AnyKernel, ...] = ()
    free: tuple[Parameter, ...] = ()
    is_argument = False
    forms: Mapping[str, AnyKernel] = {}
    report: OptimizationReport | None = None

    def __init__(
        self, function: Callable[P, R], *, kind: str = "kernel", label: str | None = None, clean_ancillas: bool = False
    ) -> None:
        assert isinstance(function, types.FunctionType)
        super().__init__()
        self.function = self.__wrapped__ = function
        self.name = function.__name__
        self.__name__, self.__doc__, self.__module__ = function.__name__, function.__doc__, function.__module__
        self.kind, self.label, self.clean_ancillas = kind, label, clean_ancillas
        self.source: Source = read_source(function)
        self.signature: Signature = read_signature(function, self.source)
        self._refuse_names_of_options()
        self.generic = self
        self.arguments = {each.name: ArgumentKernel(each) for each in self.signature.kernels}
        self.open = tuple(self.arguments.values())
        self._forms = Recent[Any, BoundKernel](MOST_PROGRAMS)
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
        return frozenset(name.partition(".")[0] for name in (*self.signature.names, *self.arguments))

    # the kernel as a whole ------------------------------------------------------------------------------------------

    @property
    @api_boundary
    def ir(self) -> Module:
        """The kernel and every kernel that it reaches, as IR. Its `str()` is the text form."""
        with each_once():
            reached = self._reached()
            if self._module is None or any(new is not old for new, old in zip(reached, self._module[0], strict=False)):
                self._module = reached, link(self)
                self._compiled.clear()
            return self._module[1]

    @property
    @api_boundary
    def effects(self) -> KernelEffect:
        """What it and what it calls do that no unitary does: measurements, resets, decisions by measured bits."""
        return effects_of(self.ir)

    @api_boundary
    def check(self, /, **values: Any) -> None:
        """Trace the kernel and everything that it calls now; raises what is wrong.

        Where a kernel promises to clean its ancillas it is simulated, for all that its qubits may hold: at `values`, a
        register's value is its length, else at lengths and whole numbers 0 to 4; angles that are not given are random.
        Raises `UncleanAncillaError` where the promise is broken. Where kernels bring forms for `inverse` and `control`, what
        these do is compared with what is done without them, on a random state; `ExecutionError` where they differ.
        """
        verify(self.ir)
        check_promises(self.ir, values)
        for test in form_tests(self.ir, values):
            try:
                rest = 1 - float(from_module(test.module).run()[0])
            except QKernelError:  # at this size there is no circuit, or no generic form
                continue
            if rest > MOST_DIFFERENT:
                raise test.failed(self.ir.entry, rest)

    def optimized(self, /, *passes: Pass, **kernels: AnyKernel) -> Kernel[..., Any]:
        """A kernel that does the same in fewer gates, by `passes` or `qkernel.optimize.DEFAULT`, with a `report` of each.

        Loops, calls and symbols stay; kernels among the arguments are given by name. Raises `KernelTypeError` for other passes.
        """
        from qkernel.optimize import optimize

        kernel, _, others = self._bound((), kernels)
        if others:
            help = "other arguments stay open: give them to `run`, or to the report, `.report.at(n=4)`"
            raise CallArgumentError(f"`{self.name}` has no kernel argument `{next(iter(others))}`", help=help)
        report = optimize(kernel.ir, passes)
        found = from_module(report.module)
        found.report, found.__doc__ = report, self.__doc__
        return found

    # forms under modifiers --------------------------------------------------------------------------------------------

    def inverse(self, form: T = None, /, *others: Any) -> T:  # type: ignore[assignment]
        """`@f.inverse` over a kernel that takes what `f` takes: it stands for `f` backwards, wherever `f` is inverted.

        It may measure. `check` compares it with `f`. Raises `KernelTypeError` where it takes or gives back something else.
        """
        return self._formed("inverse", form, others)  # type: ignore[no-any-return]

    def control(self, form: T = None, /, *others: Any) -> T:  # type: ignore[assignment]
        """`@f.control` over a kernel that takes a control, or a register of controls, and then what `f` takes.

        It stands for `f` where these are 1; of several controls a form with one control takes one, and the others control
        it. With a `control_value`, and in `select`, `f` itself is controlled. Otherwise as `inverse`.
        """
        return self._formed("control", form, others)  # type: ignore[no-any-return]

    def _formed(self, word: str, form: Any, others: tuple[Any, ...]) -> Any:
        if others or not isinstance(form, Kernel | types.FunctionType):
            raise KernelTypeError(
                f"`@{self.name}.{word}` goes over a kernel that `{self.name}` brings for its `{word}`",
                label="called like an operation",
                help=f"the operation is written `qk.{word}({self.name})(...)`",
            )
        kernel = form if isinstance(form, Kernel) else Kernel(form, clean_ancillas=self.clean_ancillas)
        check_form(word, self, kernel)
        self.forms = {**self.forms, word: kernel}
        self._module = None
        return kernel

    # kernels as arguments --------------------------------------------------------------------------------------------

    def called_with(
        self, tracer: Tracer, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
        """A call that has kernels among its arguments, as one of this kernel bound to them; `tracer.site` with it."""
        kernels, arguments, keywords, site = given_kernels(self.name, self.signature, arguments, keywords, tracer.site)
        known: dict[AnyKernel, AnyKernel] = {}
        for argument in self.signature.kernels:
            if argument.name not in kernels:
                usage = f"call it as `{self.name}({', '.join(self.signature.written)})`"
                raise CallArgumentError(f"`{self.name}` lacks `{argument.name}`", label=f"needs {argument.type}", help=usage)
            value, span = kernels[argument.name]
            to = self.arguments[argument.name]
            if callable(value) and not (isinstance(value, type) or (isinstance(value, Kernel) and is_taken(value, to))):
                tracer.site = replace(site, span=span)
                value, free = kernel_of(tracer, value, argument.type.parameters, PrebuiltKernel)
                keywords |= {f"{argument.name}.{name}": expr for name, expr in free.items()}
            check_argument(self.name, argument, value, to, span)
            known[to] = value
        tracer.site = site
        if all(value is argument for argument, value in known.items()):
            return self, arguments, keywords
        key = self, tuple(known.values())
        return tracer.closures.setdefault(key, BoundKernel(self, known)), arguments, keywords

    def _bound(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
        """With the kernels among what a verb is given; those that are not given stay oracles."""
        if not self.signature.kernels:
            return self, arguments, keywords
        bindings = dict(keywords.get("bindings") or {})
        kernels, arguments, named, _ = given_kernels(self.name, self.signature, arguments, keywords, CallSite(None))
        bound, _, bindings, _ = given_kernels(self.name, self.signature, (), bindings, CallSite(None))
        kernels |= bound
        if "bindings" in named:
            named["bindings"] = bindings
        known = {}
        for argument in self.signature.kernels:
            if argument.name in kernels:
                to, value = self.arguments[argument.name], kernels[argument.name][0]
                check_argument(self.name, argument, value, to, None)
                known[to] = value
        if not known:
            return self, arguments, named
        key = tuple((name, id(value)) for name, (value, _) in kernels.items())
        found = self._forms.get(key)
        if found is None:
            self._forms.keep(key, found := BoundKernel(self, known))
        return found, arguments, named

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
        # Lists of qubits stand for registers, and functions for kernels; no checker's type of a parameter says so.
        @overload
        def __call__(self, /, *arguments: P.args, **keywords: P.kwargs) -> R: ...
        @overload
        def __call__(self, given: Given, /, *arguments: Any, **keywords: Any) -> R: ...
        @overload
        def __call__(self, first: Any, given: Given, /, *arguments: Any, **keywords: Any) -> R: ...
        @overload
        def __call__(self, first: Any, second: Any, given: Given, /, *arguments: Any, **keywords: Any) -> R: ...
        def __call__(self, /, *arguments: Any, **keywords: Any) -> Any: ...
    else:

        @api_boundary
        def __call__(self, /, *arguments, **keywords):
            """In a kernel: call this kernel. Outside: `run`."""
            if is_tracing():
                return active(f"`{self.name}`").call_kernel(self, arguments, keywords)
            return self.run(*arguments, **keywords)

    def _values(
        self, arguments: tuple[Any, ...], bindings: Mapping[str, Any] | None, keywords: dict[str, Any]
    ) -> dict[str, Any]:
        named = given(bindings)
        if twice := [name for name in named if name in keywords]:
            raise ConflictingBindingError(f"`{twice[0]}` is given twice: in `bindings` and by its name")
        optional = frozenset(p.name for p in self.signature.parameters if p.default is not None or is_quantum(p.type))
        arguments, keywords, _ = spread_structs(self, arguments, {**named, **given(keywords)}, CallSite(None), True)
        return bind(self.name, self.signature.names, optional, arguments, keywords, CallSite(None))[0]


AnyKernel = Kernel[..., Any]


class PrebuiltKernel(Kernel[..., Any]):
    """A kernel whose IR is given."""

    def __init__(
        self,
        function: Function,
        callees: dict[str, Any],
        free: tuple[Parameter, ...] = (),
        open: tuple[AnyKernel, ...] = (),
    ) -> None:
        Traceable.__init__(self)
        self.generic, self.free, self.open = self, free, open
        self.name = self.__name__ = function.name
        self.__doc__ = None
        self.kind, self.label, self.clean_ancillas = function.kind, function.label, function.clean_ancillas
        values = tuple(_returned(value, function) for value in function.returns)
        types = tuple(value.type for value in values)
        returned = (TupleType(types) if types else None) if function.returns_tuple or not types else types[0]
        self.signature = Signature(written_parameters(function.parameters), {}, returned, None)
        outline = Outline(function.parameters, values, function.returns_tuple or not types)
        self._module = None
        self._compiled = Recent(MOST_PROGRAMS)
        self._traced = Traced(function, callees, outline, Captures())

    def __reduce__(self) -> Any:
        return from_module, (self.ir,)


def _returned(value: Expr | Place, function: Function) -> Value:
    if isinstance(value, Expr):
        return value
    for parameter in function.parameters:
        if parameter.name == value.register and value == whole(parameter.name, parameter.type):
            return parameter_handle(parameter)
    return QuantumHandle(value, value.length, min(value.registers))


def from_module(module: Module) -> Kernel[..., Any]:
    """The entry of a module as a kernel, which runs, draws and counts like the original."""
    kernels: dict[str, PrebuiltKernel] = {}
    callees: dict[str, dict[str, Any]] = {}
    for function in module.functions:
        callees[function.name] = {}
        kernels[function.name] = PrebuiltKernel(function, callees[function.name])
    for function in module.functions:
        named = {"inverse": function.inverse, "control": function.control}
        kernels[function.name].forms = {word: kernels[name] for word, name in named.items() if name is not None}
        callees[function.name].update({op.callee: kernels[op.callee] for op in walk(function.body) if isinstance(op, Call)})
    return kernels[module.entry.name]


class ArgumentKernel(PrebuiltKernel):
    """What stands for a kernel argument while the kernel is read: an oracle, until it is known."""

    is_argument = True

    def __init__(self, argument: KernelArgument) -> None:
        self.argument = argument
        signature = argument_signature(argument.type)
        returns = in_ir(assumed_outline(signature).returns)
        is_tuple = len(returns) != 1
        super().__init__(Function(argument.name, signature.parameters, (), returns, is_tuple, "oracle", argument.name), {})
        self.open = (self,)


class BoundKernel(Kernel[..., Any]):
    """A kernel that is called with kernels."""

    def __init__(self, kernel: AnyKernel, given: Mapping[AnyKernel, AnyKernel]) -> None:
        self.generic, self.given = kernel, given
        self.name, self.__name__, self.__doc__, self.__module__ = kernel.name, kernel.name, kernel.__doc__, kernel.__module__
        self.kind, self.label, self.clean_ancillas = kernel.kind, kernel.label, kernel.clean_ancillas
        self.open = tuple(dict.fromkeys(argument for value in given.values() for argument in value.open))
        free = [replace(each, name=f"{to.name}.{each.name}") for to, value in given.items() for each in value.free]
        self.signature = replace(kernel.signature, parameters=(*kernel.signature.parameters, *free), kernels=())
        self._module, self._compiled = None, Recent(MOST_PROGRAMS)
        self._outlines: tuple[Outline, Outline] | None = None

    def __reduce__(self) -> Any:
        return from_module, (self.ir,)

    def traced(self) -> Traced:
        return self.generic.traced()

    def outline(self) -> Outline:
        generic = self.generic.outline()
        if self._outlines is None or self._outlines[0] is not generic:
            self._outlines = generic, replace(generic, parameters=ir_parameters(self.signature))
        return self._outlines[1]

    @property
    def is_settled(self) -> bool:
        return self.generic.is_settled
