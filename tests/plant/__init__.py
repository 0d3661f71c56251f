"""The simulated plant: instruments on real Modbus links. The plant shares no code with the daemon."""
