"""One-line faults in the way to the bureau."""

MUTANTS = []
