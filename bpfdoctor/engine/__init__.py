"""Runs the checks: load, select, order, run, readiness, collect, verdict."""
