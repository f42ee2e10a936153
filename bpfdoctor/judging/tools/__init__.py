"""Which tool a build uses, and whether it is fit."""
