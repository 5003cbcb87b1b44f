"""Engines and targets: where circuits run."""
