"""What answers mean: choices and verdicts that checks and the smoke test share."""
