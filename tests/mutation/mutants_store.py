"""One-line faults in the store."""

MUTANTS = []
