"""Executing steps: which key fills which parameter, the engine, direct calls."""
