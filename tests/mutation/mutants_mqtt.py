"""One-line faults in the MQTT code."""

MUTANTS = []
