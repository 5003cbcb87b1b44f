"""Operators of the user's own classes: their methods are called like any others, so they are read where the kernel asks it.

Elsewhere, with values that are all known, Python runs them.
"""

from __future__ import annotations

import ast
import functools
import types
from functools import lru_cache
from typing import Any

import numpy as np

from qkernel.frontend.tracer import Tracer
from qkernel.frontend.values import concerns_kernel, is_installed, is_of_user

MIRRORED = {"eq": "eq", "ne": "ne", "lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}
"""By comparison, the one that asks the same with its sides changed."""


@lru_cache(maxsize=1024)
def is_users(function: types.FunctionType) -> bool:
    """Whether a function is the user's own: not of Python's library, not of an installed package."""
    return is_of_user(function.__module__ or "") and not is_installed(function.__code__.co_filename)


def method_of(value: Any, name: str) -> types.FunctionType | None:
    """The method that the user wrote in the class of `value` for the operator `name`; those of data classes are Python's."""
    found = getattr(type(value), f"__{name}__", None)
    is_written = isinstance(found, types.FunctionType) and found.__code__.co_filename != "<string>" and is_users(found)
    return found if is_written else None


def call_special(tracer: Tracer, name: str, value: Any, arguments: tuple[Any, ...], node: ast.AST) -> Any:
    """What the method for the operator `name` in a class of the user's gives; NotImplemented where Python may run it."""
    method = method_of(value, name)
    if method is None or not (tracer.once or any(map(concerns_kernel, (value, *arguments)))):
        return NotImplemented
    return call_method(tracer, method, (value, *arguments), node)


def call_method(tracer: Tracer, method: types.FunctionType, arguments: tuple[Any, ...], node: ast.AST) -> Any:
    """A call that is not written as one, which errors show by its class and name."""
    shown = ast.Call(ast.Name(method.__qualname__.rpartition("<locals>.")[2]), [], [])
    return tracer.call_python(method, arguments, ast.copy_location(shown, node))


def call_operator(tracer: Tracer, name: str, left: Any, right: Any, node: ast.AST) -> Any:
    """`left` and `right` under the operator `name` by a method of one of them, in Python's order; else NotImplemented."""
    sides = [(left, name, right), (right, MIRRORED.get(name, f"r{name}"), left)]
    if type(left) is not type(right) and isinstance(right, type(left)):
        sides.reverse()
    for owner, method, other in sides:
        if isinstance(left, np.ndarray) and owner is right:
            continue  # numpy goes over its elements first
        result = call_special(tracer, method, owner, (other,), node)
        if result is not NotImplemented:
            return result
    return NotImplemented


def get_attribute(tracer: Tracer, owner: Any, name: str, node: ast.AST) -> Any:
    """`owner.name`; properties of the user's classes are read like methods."""
    found = None if isinstance(owner, type) else getattr(type(owner), name, None)
    getter = getattr(found, "fget", None) if isinstance(found, property) else None
    is_kept = isinstance(found, functools.cached_property) and name not in vars(owner) and concerns_kernel(owner)
    if is_kept:
        tracer.check_change(owner, ast.unparse(node), node)
        vars(owner)[name] = call_method(tracer, found.func, (owner,), node)  # type: ignore[union-attr]
    elif isinstance(getter, types.FunctionType) and is_users(getter) and (tracer.once or concerns_kernel(owner)):
        return call_method(tracer, getter, (owner,), node)
    for special in ("getattribute", "getattr"):
        if special == "getattribute" or not _is_there(owner, name):
            result = call_special(tracer, special, owner, (name,), node)
            if result is not NotImplemented:
                return result
    return tracer.captures.attribute(owner, name)


def _is_there(owner: Any, name: str) -> bool:
    """Whether Python finds an attribute without asking `__getattr__`."""
    return name in getattr(owner, "__dict__", ()) or hasattr(type(owner), name)


def set_attribute(tracer: Tracer, owner: Any, name: str, value: Any, node: ast.AST) -> None:
    """`owner.name = value`."""
    found = None if isinstance(owner, type) else getattr(type(owner), name, None)
    if isinstance(found, property) and isinstance(found.fset, types.FunctionType) and is_users(found.fset):
        call_method(tracer, found.fset, (owner, value), node)
    elif call_special(tracer, "setattr", owner, (name, value), node) is NotImplemented:
        setattr(owner, name, value)
