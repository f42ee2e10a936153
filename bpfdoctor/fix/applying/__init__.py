"""Running a plan, step by step."""
