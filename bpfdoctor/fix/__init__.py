"""Repairs: from a finding's fixes to a plan, and from a plan to a machine that is ready."""
