"""`Circuit -> Plan`: the one fusing compiler of the native and the torch engine."""

from __future__ import annotations

from qkernel_backends.plan.plan import Plan, Readout, compile_plan

__all__ = ["Plan", "Readout", "compile_plan"]
