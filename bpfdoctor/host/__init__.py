"""The one door to the machine: questions go in, answers come out."""
