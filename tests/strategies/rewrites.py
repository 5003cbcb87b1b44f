"""Rewritings of a program's text that change nothing of what it does, and cuts that make it smaller."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace

from tests.strategies.programs import Program

KEPT = {"qk", "qko", "np", "math", *dir(builtins)}


def tidied(program: Program) -> Program:
    """The text as Python writes its tree."""
    return replace(program, source=ast.unparse(ast.parse(program.source)) + "\n")


def renamed(program: Program) -> Program:
    """Other names for all arguments and local names."""
    return _with_names(program, other_name)


def collided(program: Program) -> Program:
    """Names for all arguments and local names that the system, Qiskit and OpenQASM have for something else."""
    return _with_names(program, colliding_name)


def returning_products(program: Program) -> Program:
    """The entry returns the product of its arguments `a` and `b` beside the expectation value."""
    tree = ast.parse(program.source)
    (entry,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == program.entry)
    for node in ast.walk(entry):
        if isinstance(node, ast.Return) and node.value is not None:
            node.value = ast.parse(f"{ast.unparse(node.value)} + a * b", mode="eval").body
    return replace(program, source=ast.unparse(tree) + "\n")


def asking(program: Program) -> Program:
    """An oracle in place of the kernel `asked`."""
    tree = ast.parse(program.source)
    oracle = ast.parse('asked = qk.Oracle("asked", num_qubits=1)').body
    body: list[ast.stmt] = []
    for node in tree.body:
        body += oracle if isinstance(node, ast.FunctionDef) and node.name == "asked" else [node]
    tree.body = body
    return replace(program, source=ast.unparse(tree) + "\n")


def _with_names(program: Program, other: Callable[[str], str]) -> Program:
    tree = ast.parse(program.source)
    known = KEPT | {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    known |= {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    ours = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for node in ast.walk(tree):
        match node:
            case ast.Name(name) if name not in known:
                node.id = other(name)
            case ast.arg(name):
                node.arg = other(name)
            case ast.Call(func, _, keywords):
                called = {inner.id for inner in ast.walk(func) if isinstance(inner, ast.Name)} & known - KEPT
                for keyword in keywords:
                    if called and keyword.arg in ours - {"power"}:
                        keyword.arg = other(keyword.arg or "")
    return replace(
        program, source=ast.unparse(tree) + "\n", values={other(name): value for name, value in program.values.items()}
    )


def other_name(name: str) -> str:
    """A name that means nothing to anybody."""
    return f"other_{name[::-1]}_"


COLLIDING = {
    "a": "expectations", "b": "bits", "v": "probabilities_0", "n": "counter", "q": "input", "i": "symbol_0", "j": "pi",
    "x": "gate", "y": "U", "t": "measure", "c": "bit", "observable": "ctrl",
}  # fmt: skip


def colliding_name(name: str) -> str:
    """A name that is taken elsewhere; what is not listed gets one that an element of a register may have in Qiskit."""
    return COLLIDING.get(name) or f"{name}_0"


def inlined(program: Program) -> Program:
    """Helpers that are only called, never modified nor given a list for a register, as plain Python functions."""
    tree = ast.parse(program.source)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    called = {id(node.func) for node in calls if not any(isinstance(part, ast.List) for part in node.args)}
    for function in tree.body:
        if not isinstance(function, ast.FunctionDef) or not function.name.startswith("f"):
            continue
        if any("clean_ancillas" in ast.unparse(decorator) for decorator in function.decorator_list):
            continue  # the promise would be its caller's
        uses = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == function.name]
        recursive = any(isinstance(node, ast.Name) and node.id == function.name for node in ast.walk(function))
        if not recursive and all(id(use) in called for use in uses):
            function.decorator_list = []
    return replace(program, source=ast.unparse(tree) + "\n")


def unrolled(program: Program) -> Program:
    """Loops over known ranges as loops over tuples, which unroll while the kernel is traced."""
    return _with_loops(program, _as_tuple)


def _as_tuple(loop: ast.For) -> list[ast.stmt]:
    assert isinstance(loop.iter, ast.Call)
    try:
        bounds = [ast.literal_eval(bound) for bound in loop.iter.args]
    except ValueError:
        return [loop]
    if not bounds:
        return [loop]
    values: list[ast.expr] = [ast.Constant(value) for value in range(*bounds)]
    assert isinstance(loop.target, ast.Name)
    old, new = loop.target.id, f"{loop.target.id}_{loop.lineno}"  # it lives on after such a loop
    for node in ast.walk(loop):
        if isinstance(node, ast.Name) and node.id == old:
            node.id = new
    return [ast.For(loop.target, ast.Tuple(values, ast.Load()), loop.body, [])] if values else [ast.Pass()]


def split(program: Program) -> Program:
    """Loops as two loops, one after the other."""
    return _with_loops(program, _halves)


def _halves(loop: ast.For) -> list[ast.stmt]:
    assert isinstance(loop.iter, ast.Call)
    bounds = loop.iter.args
    start, stop = (ast.Constant(0), bounds[0]) if len(bounds) == 1 else bounds[:2]
    step = ast.unparse(bounds[2]) if len(bounds) == 3 else "1"
    inner = [
        node.id
        for statement in loop.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    if step not in ("1", "-1") or any(
        isinstance(node, ast.Name) and node.id in inner for bound in bounds for node in ast.walk(bound)
    ):
        return [loop]
    middle = ast.parse(f"(({ast.unparse(start)}) + ({ast.unparse(stop)})) // 2", mode="eval").body
    halves = []
    for low, high in ((start, middle), (middle, stop)):
        call = ast.Call(loop.iter.func, [low, high, *bounds[2:]], [])
        halves.append(ast.For(loop.target, call, deepcopy(loop.body), []))
    return list(halves)


def _with_loops(program: Program, rewrite: Callable[[ast.For], list[ast.stmt]]) -> Program:
    class Loops(ast.NodeTransformer):
        def visit_For(self, node: ast.For) -> ast.AST | list[ast.stmt]:
            self.generic_visit(node)
            if isinstance(node.iter, ast.Call) and ast.unparse(node.iter.func) in ("range", "qk.range"):
                return rewrite(node)
            return node

    tree = ast.fix_missing_locations(Loops().visit(ast.parse(program.source)))
    return replace(program, source=ast.unparse(tree) + "\n")


# making a failing program smaller -----------------------------------------------------------------------------------------


def shrunk(program: Program, fails: Callable[[Program], bool], most: int = 400) -> Program:
    """The program with as many statements cut out as can be while it still fails."""
    tried = 0
    again = True
    while again:
        again = False
        for smaller in _cuts(program.source):
            tried += 1
            if tried > most:
                return program
            candidate = replace(program, source=smaller)
            if fails(candidate):
                program, again = candidate, True
                break
    return program


def _cuts(source: str) -> Iterator[str]:
    """The text without one statement, or with the body of a loop or branch in its place; unused functions first."""
    for change in (_drop_functions, _drop, _open, _simplify):
        position = 0
        while True:
            tree = ast.parse(source)
            if not change(tree, position):
                break
            position += 1
            yield ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _drop_functions(tree: ast.Module, position: int) -> bool:
    if position >= len(tree.body):
        return False
    del tree.body[position]
    return True


def _blocks(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.For, ast.While, ast.If)):
            yield node.body
            if isinstance(node, ast.If) and node.orelse:
                yield node.orelse


def _drop(tree: ast.Module, position: int) -> bool:
    places = [(block, k) for block in _blocks(tree) for k in range(len(block))]
    if position >= len(places):
        return False
    block, k = places[position]
    del block[k]
    if not block:
        block.append(ast.Pass())
    return True


def _open(tree: ast.Module, position: int) -> bool:
    places = [(block, k) for block in _blocks(tree) for k, node in enumerate(block) if isinstance(node, (ast.For, ast.If))]
    if position >= len(places):
        return False
    block, k = places[position]
    node = block[k]
    assert isinstance(node, (ast.For, ast.If))
    block[k : k + 1] = node.body
    return True


def _simplify(tree: ast.Module, position: int) -> bool:
    """Replace an operation by its left side, or a call's argument expression by a constant."""
    places = [node for node in ast.walk(tree) if isinstance(node, (ast.BinOp, ast.IfExp, ast.UnaryOp))]
    if position >= 2 * len(places):
        return False
    chosen = places[position // 2]
    parts = [part for part in ast.iter_child_nodes(chosen) if isinstance(part, ast.expr)]
    part = parts[position % 2 if len(parts) > 1 else 0]

    class Swap(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return part if node is chosen else self.generic_visit(node)

    Swap().visit(tree)
    return True
