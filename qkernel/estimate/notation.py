"""Closed forms for reading: text as Python would write it, LaTeX, and sympy."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any

from qkernel.draw.labels import number_label
from qkernel.errors import needed
from qkernel.estimate.effort import bounded_work, spend
from qkernel.estimate.quantity import (
    WRITERS,
    Argument,
    AtLeastZero,
    Atom,
    Bound,
    Closure,
    Coefficient,
    Floor,
    IsZero,
    ItemSum,
    Length,
    Local,
    Monomial,
    Opaque,
    Positive,
    Power,
    Quantity,
    RangeSum,
    Register,
    Sized,
    Symbol,
    Terms,
    Value,
    Variable,
    Words,
    atom_names,
    denominator,
    is_remainder,
)
from qkernel.ir.expression_text import ExpressionText, Written
from qkernel.ir.expressions import Expr
from qkernel.ir.vocabulary import ATOM

_LONGEST = 10**40


def ordered(form: Quantity) -> list[tuple[Monomial, Coefficient]]:
    """The terms in the order of printing: highest degree first, then by name, the constant last."""
    return sorted(form.terms.items(), key=lambda entry: _rank(entry[0]))


@lru_cache(maxsize=10_000)
def _rank(term: Monomial) -> tuple[int, int, str]:
    heavy = sum(1 for atom, _ in term if isinstance(atom, Power))
    extended = sum(1 for atom, _ in term if not isinstance(atom, (Power, Symbol)))
    return (-heavy, -sum(power for atom, power in term), f"{extended}{_TEXT.monomial(term)}")


def number(value: Coefficient) -> str:
    """A number as text: with more than 40 digits rounded, as `about 1.99506e+3010`."""
    if isinstance(value, Fraction) or abs(value) < _LONGEST:
        return str(value)
    exponent = int(math.log10(abs(value)))
    leading = int(value) // 10 ** (exponent - 6) / 10**6
    return f"about {leading:.5f}e+{exponent}"


def shown(value: int | Quantity) -> str:
    """A count as text."""
    return text(value) if isinstance(value, Quantity) else number(value)


@lru_cache(maxsize=1_000)
def text(form: Quantity) -> str:
    """The form as Python would write it; `[n >= 2]` is 1 where the condition holds, else 0."""
    with bounded_work():
        return _TEXT.form(form) if form.unfollowed is None else "unknown"


def latex(form: Quantity) -> str:
    """The form in LaTeX."""
    with bounded_work():
        return _LATEX.form(form).replace("about ", r"\approx ") if form.unfollowed is None else r"\text{unknown}"


_FACTOR_ORDER = {Symbol: 0, Length: 0, Terms: 0, AtLeastZero: 2, IsZero: 2}


class _Writer:
    """Writes forms as sums of products with common factors in front."""

    times = "*"

    def form(self, form: Quantity) -> str:
        spend(1 + len(form.terms))
        if not form.terms:
            return "0"
        form = _with_equalities(form)
        plain = self.sum_of(self.with_remainders(form))
        groups = _by_brackets(form)
        if all(len(inner.terms) < 2 for brackets, inner in groups if brackets):
            return plain
        pieces = []
        for brackets, inner in groups:
            one = len(inner.terms) > 1 and bool(brackets)
            front = f"{self.monomial(brackets)}{self.times}"
            pieces.append(front + self.wrap(self.form(inner)) if one else self.form(inner * Quantity({brackets: 1})))
        grouped = self.joined(pieces)
        return grouped if len(grouped) < len(plain) else plain

    def sum_of(self, form: Quantity) -> str:
        """Terms with a denominator apart from the rest."""
        fractional, rest = _apart(form)
        written = [] if not fractional.terms else [self.product(fractional)]
        return self.joined(written + ([self.product(rest)] if rest.terms else []))

    def with_remainders(self, form: Quantity) -> Quantity:
        """The form with x - 2*floor(x/2) written as (x % 2)."""
        for term, coefficient in form.terms.items():
            ((part, power), *others) = term or ((None, 0),)
            if isinstance(part, Floor) and power == 1 and not others and part.divisor.is_constant:
                times = Fraction(-coefficient, 1) / part.divisor.constant
                whole = {key: value * times for key, value in part.numerator.terms.items()}
                if times > 0 and all(form.terms.get(key) == value for key, value in whole.items()):
                    left = Quantity({key: value for key, value in form.terms.items() if key != term and key not in whole})
                    above = self.form(part.numerator)
                    above = above if len(part.numerator.terms) == 1 else self.wrap(above)
                    symbol = Symbol(f"({above} % {part.divisor})")
                    return self.with_remainders(left + Quantity({frozenset(((symbol, 1),)): 1}) * times)
        return form

    def product(self, form: Quantity) -> str:
        below = denominator(form)
        whole = form * below
        front = _common_factor(whole)
        if len(whole.terms) > 1 and front:
            inner = Quantity({frozenset(_divided(term, front).items()): value for term, value in whole.terms.items()})
            product = f"{self.monomial(frozenset(front.items()))}{self.times}{self.wrap(self.total(inner))}"
            return self.ratio(product, below)
        return self.ratio(self.total(whole), below, len(whole.terms) > 1)

    def total(self, form: Quantity) -> str:
        if shared := _collectable(form):
            held = {term: value for term, value in form.terms.items() if shared in dict(term)}
            inner = Quantity({frozenset(_divided(term, {shared: 1}).items()): value for term, value in held.items()})
            rest = Quantity({term: value for term, value in form.terms.items() if term not in held})
            return self.joined([f"{self.atom(shared)}{self.times}{self.wrap(self.total(inner))}", *self.pieces(rest)])
        return self.joined(self.pieces(form))

    def pieces(self, form: Quantity) -> list[str]:
        terms = ordered(form)
        if terms and terms[0][1] < 0:  # `1 - [n >= 1]` reads better than `-[n >= 1] + 1`
            terms.sort(key=lambda entry: entry[1] < 0)
        return [self.term(term, coefficient) for term, coefficient in terms]

    def joined(self, pieces: list[str]) -> str:
        result = pieces[0]
        for piece in pieces[1:]:
            result += f" - {piece[1:]}" if piece.startswith("-") else f" + {piece}"
        return result

    def term(self, term: Monomial, coefficient: Coefficient) -> str:
        if not term:
            return number(coefficient)
        sign = "-" if coefficient < 0 else ""
        size = -coefficient if sign else coefficient
        return sign + (f"{number(size)}{self.times}" if size != 1 else "") + self.monomial(term)

    def monomial(self, term: Monomial) -> str:
        factors = sorted((_FACTOR_ORDER.get(type(atom), 1), self.raised(atom, power)) for atom, power in term)
        return self.times.join(written for _, written in factors)

    def wrap(self, written: str) -> str:
        return f"({written})"

    def ratio(self, above: str, below: int, is_sum: bool = False) -> str:
        return above if below == 1 else f"{self.wrap(above) if is_sum else above}/{below}"

    def exponent(self, form: Quantity) -> str:
        written = self.form(form)
        return written if re.fullmatch(r"\w+", written) else self.wrap(written)

    def raised(self, atom: Atom, power: int) -> str:
        if isinstance(atom, Power):
            return f"{self.exponent(atom.base)}**{self.exponent(atom.exponent * power)}"
        return self.atom(atom) + (f"**{power}" if power != 1 else "")

    def atom(self, atom: Atom) -> str:
        match atom:
            case Symbol(name):
                return str(name)
            case Positive(value):
                return f"Max(0, {self.bare(value)})"
            case Floor(numerator, divisor):
                above, below = self.form(numerator), self.exponent(divisor)
                return f"floor({above if len(numerator.terms) == 1 else self.wrap(above)}/{below})"
            case Power():
                return self.raised(atom, 1)
            case AtLeastZero(value):
                return f"[{self.bare(value - value.constant)} >= {-value.constant}]"
            case IsZero(value):
                written = (f"[{self.bare(form - form.constant)} == {-form.constant}]" for form in (value, -value))
                return min(written, key=len)
            case Opaque(closure):
                return _closure(closure, self.form)
            case Length(of, axis):
                return f"|{_value(of, self.form)}|{f'_{axis}' if axis else ''}"
            case Terms(observable, form):
                return f"|{_value(observable, self.form)}|{'' if form is None else f'_{form}'}"
            case RangeSum(index, count, result):
                return f"Sum({self.form(result)}, ({index}, 0, {self.form(count - 1)}))"
            case ItemSum(targets, dictionary, result):
                return f"Sum({self.form(result)}, ({', '.join(map(str, targets))}) in {_value(dictionary, self.form)})"

    def bare(self, form: Quantity) -> str:
        """The form where nothing follows it: a lone remainder needs no brackets."""
        written = self.form(form)
        return written[1:-1] if re.fullmatch(r"\((\w+|floor\([^%]*\)) % \w+\)", written) else written


class _Latex(_Writer):
    times = r" \, "

    def with_remainders(self, form: Quantity) -> Quantity:
        return form

    def term(self, term: Monomial, coefficient: Coefficient) -> str:
        written = super().term(term, coefficient)
        return re.sub(r"^(-?\d+) \\, (?=\d)", r"\1 \\cdot ", written)

    def wrap(self, written: str) -> str:
        return rf"\left({written}\right)"

    def ratio(self, above: str, below: int, is_sum: bool = False) -> str:
        return above if below == 1 else rf"\frac{{{above}}}{{{below}}}"

    def raised(self, atom: Atom, power: int) -> str:
        if isinstance(atom, Power):
            base = self.form(atom.base)
            return rf"{base if atom.base.is_constant else self.wrap(base)}^{{{self.form(atom.exponent * power)}}}"
        return self.atom(atom) + (f"^{{{power}}}" if power != 1 else "")

    def atom(self, atom: Atom) -> str:
        match atom:
            case Symbol(name):
                return _latex_name(str(name))
            case Positive(value):
                return rf"\max\left(0, {self.form(value)}\right)"
            case Floor(numerator, divisor):
                return rf"\left\lfloor \frac{{{self.form(numerator)}}}{{{self.form(divisor)}}} \right\rfloor"
            case AtLeastZero(value):
                return rf"\left[{self.form(value - value.constant)} \geq {-value.constant}\right]"
            case IsZero(value):
                return rf"\left[{self.form(value - value.constant)} = {-value.constant}\right]"
            case Length(of, axis):
                return rf"\left|{_latex_name(_value(of, self.form))}\right|{f'_{{{axis}}}' if axis else ''}"
            case Terms(observable, form):
                return rf"\left|{_latex_name(_value(observable, self.form))}\right|{'' if form is None else f'_{{{form}}}'}"
            case Power():
                return self.raised(atom, 1)
        return rf"\mathtt{{{escaped(_TEXT.atom(atom))}}}"


_TEXT, _LATEX = _Writer(), _Latex()


def _latex_name(name: str) -> str:
    if re.fullmatch(r"[A-Za-z]\w?", name) and "_" not in name:
        return name
    return rf"\mathrm{{{escaped(name)}}}"


def escaped(name: str) -> str:
    """A name as LaTeX text."""
    return re.sub(r"([_#%&{}$])", r"\\\1", name)


def _by_brackets(form: Quantity) -> list[tuple[Monomial, Quantity]]:
    """The terms by the brackets in them, in the order of printing, those without last."""
    groups: dict[Monomial, dict[Monomial, Coefficient]] = {}
    for term, value in ordered(form):
        brackets = frozenset(entry for entry in term if isinstance(entry[0], (AtLeastZero, IsZero)))
        groups.setdefault(brackets, {})[term - brackets] = value
    return [(brackets, Quantity(inner)) for brackets, inner in sorted(groups.items(), key=lambda entry: not entry[0])]


def _with_equalities(form: Quantity) -> Quantity:
    """The form with [n >= 1] - [n >= 2] as [n == 1]."""
    for term, coefficient in form.terms.items():
        for part, power in term:
            if isinstance(part, AtLeastZero):
                others = term - {(part, power)}
                above = others | {(AtLeastZero(part.value - 1), 1)}
                if form.terms.get(above) == -coefficient:
                    left = Quantity({key: value for key, value in form.terms.items() if key not in (term, above)})
                    met = Quantity({others | {(IsZero(part.value), 1)}: coefficient})
                    return _with_equalities(left + met)
    return form


def _apart(form: Quantity) -> tuple[Quantity, Quantity]:
    """The terms with a denominator and those over the same atoms, and the rest."""
    above = {term for term, value in form.terms.items() if isinstance(value, Fraction)}
    atoms = {atom for term in above for atom, _ in term}
    joined = above | {term for term in form.terms if above and term and {atom for atom, _ in term} <= atoms}
    first = Quantity({term: value for term, value in form.terms.items() if term in joined})
    return first, Quantity({term: value for term, value in form.terms.items() if term not in joined})


def _common_factor(form: Quantity) -> dict[Atom, int]:
    first, *rest = [dict(term) for term in form.terms]
    return {
        atom: min((power, *(other[atom] for other in rest)))
        for atom, power in first.items()
        if not isinstance(atom, (Power, AtLeastZero, IsZero)) and power > 0 and all(other.get(atom, 0) > 0 for other in rest)
    }


def _divided(term: Monomial, by: dict[Atom, int]) -> dict[Atom, int]:
    return {atom: power - by.get(atom, 0) for atom, power in term if power != by.get(atom, 0)}


def _collectable(form: Quantity) -> Atom | None:
    """The symbol to put before a bracket: it stands in several terms but not in all, to the first power everywhere."""
    seen: Counter[Atom] = Counter()
    higher: set[Atom] = set()
    for term in form.terms:
        for atom, power in term:
            if isinstance(atom, (Symbol, Length, Terms)):
                seen[atom] += 1
                if power != 1:
                    higher.add(atom)
    found = [atom for atom, count in seen.items() if count > 1 and atom not in higher]
    return min(found, key=lambda atom: (-seen[atom], _TEXT.atom(atom)), default=None) if len(form.terms) > 2 else None


def _value(value: Value, write: Callable[[Quantity], str]) -> str:
    match value:
        case Quantity():
            return write(value)
        case Argument(name):
            return str(name)
        case Register(length) | Sized(length):
            return f"{write(length)} elements"
        case Bound():
            return "..."
        case Closure():
            return _closure(value, write)
        case Words(counts):
            return " + ".join(
                f"{write(count)} {word if isinstance(word, str) else _value(word, write)}" for word, count in counts
            )


def _closure(closure: Closure, write: Callable[[Quantity], str]) -> str:
    return _ClosureText({name: _value(value, write) for name, value in closure.values}).text(closure.expression)


class _ClosureText(ExpressionText):
    """Expressions in a count: every operator in parentheses, and for names what they stand for."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def name(self, name: str) -> str:
        return self.names.get(name, name)

    def constant(self, value: object) -> Written:
        label = number_label(value) if isinstance(value, int | float) else ""
        if "π" in label:
            return f"({label})" if "/" in label else label, ATOM
        return str(value), ATOM

    def chain(self, name: str, operands: tuple[Expr, ...]) -> str:
        return f"({f' {name} '.join(map(self.text, operands))})"

    def operation(self, name: str, operands: tuple[Expr, ...]) -> str:
        match name:
            case "neg":
                return f"-{self.listed(operands)}"
            case "select" | "not":
                return self.call(name, operands)
        return self.chain(name, operands)

    def call(self, name: str, operands: tuple[Expr, ...]) -> str:
        written = self.listed(operands)
        return f"{name}{written}" if written.startswith("(") and len(operands) == 1 else f"{name}({written})"

    def element(self, base: Expr, keys: tuple[Expr, ...]) -> str:
        return f"{self.text(base)}[{self.listed(keys)}]"

    def length(self, base: Expr, axis: int) -> str:
        return f"|{self.text(base)}|{f'_{axis}' if axis else ''}"

    def stretch(self, base: Expr, start: Expr, stride: Expr, length: Expr) -> Written:
        return f"{self.text(base)}[{self.text(start)}; {self.text(length)}]", ATOM


def to_sympy(form: Quantity) -> Any:
    """The form as a sympy expression: symbols are whole numbers, brackets become `Piecewise`."""
    with needed("an expression of sympy needs", "symbolic"):
        import sympy

    total: Any = sympy.Integer(0)
    for term, coefficient in ordered(form):
        factors = [_sympy_atom(atom) ** power for atom, power in term]
        ratio = Fraction(coefficient)
        total += sympy.Mul(sympy.Rational(ratio.numerator, ratio.denominator), *factors)
    return total


def _sympy_atom(atom: Atom) -> Any:
    import sympy

    match atom:
        case Symbol(name, nonnegative):
            return sympy.Symbol(_unique(name), integer=True, **({"nonnegative": True} if nonnegative else {}))
        case Positive(value):
            return sympy.Max(0, to_sympy(value))
        case Floor(numerator, divisor):
            return sympy.floor(to_sympy(numerator) / to_sympy(divisor))
        case Power(base, exponent):
            return to_sympy(base) ** to_sympy(exponent)
        case AtLeastZero(value):
            return sympy.Piecewise((1, to_sympy(value) >= 0), (0, True))
        case IsZero(value):
            return sympy.Piecewise((1, sympy.Eq(to_sympy(value), 0)), (0, True))
        case Length() | Terms():
            return sympy.Symbol(_TEXT.atom(atom), integer=True, nonnegative=True)
        case Opaque(Closure(values=((_, left), (_, right)))) if is_remainder(atom):
            return sympy.Mod(to_sympy(left), to_sympy(right))  # type: ignore[arg-type]
        case Opaque(closure):
            arguments = [to_sympy(value) for _, value in closure.values if isinstance(value, Quantity)]
            return sympy.Function(str(closure.expression))(*arguments) if arguments else sympy.Symbol(_TEXT.atom(atom))
        case RangeSum(index, count, result):
            step = sympy.Symbol(_unique(index), integer=True, nonnegative=True)
            return sympy.Sum(to_sympy(result), (step, 0, to_sympy(count) - 1))
    names = sorted(_unique(name) for name in atom_names(atom))
    return sympy.Function(_TEXT.atom(atom))(*(sympy.Symbol(name, integer=True) for name in names))


def _unique(name: Variable) -> str:
    """A name for sympy, which knows names by their text."""
    return f"{name.shown}#{name.scope}" if isinstance(name, Local) else str(name)


WRITERS |= {"text": text, "latex": latex, "sympy": to_sympy}
