"""A Modbus TCP device with the registers that a test gives it; it keeps a list of the requests."""

import socket
import threading


class Device:
    """Answers functions 3 and 4; a request for a register that does not exist gets exception 2. The device serves one
    connection at a time, as many devices do: a second connection waits for the end of the first.
    """

    def __init__(self, registers, host="127.0.0.1"):
        self.registers = registers
        self.asked = []  # (function, address, count)
        self.connections = 0
        self.silent = False
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=family)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            with peer:
                try:
                    while frame := peer.recv(260):
                        answer = self.answer(frame)
                        if not self.silent:
                            peer.sendall(answer)
                except OSError:
                    pass

    def answer(self, frame):
        unit, function = frame[6], frame[7]
        address, count = int.from_bytes(frame[8:10], "big"), int.from_bytes(frame[10:12], "big")
        self.asked.append((function, address, count))
        wanted = range(address, address + count)
        if function in (3, 4) and all(a in self.registers for a in wanted):
            data = b"".join(self.registers[a].to_bytes(2, "big") for a in wanted)
            pdu = bytes([function, len(data)]) + data
        else:
            pdu = bytes([function | 0x80, 2])
        return frame[:4] + (len(pdu) + 1).to_bytes(2, "big") + bytes([unit]) + pdu

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()
