"""The simulated plant: instruments on real Modbus links. Shares no code with the daemon."""
