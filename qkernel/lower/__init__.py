"""From the IR and the values of its arguments to a concrete circuit."""

from qkernel.lower.interpreter import lower

__all__ = ["lower"]
