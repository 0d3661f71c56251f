"""A transparent serial server, like a DTU or an Ethernet-to-RS-485 box: it forwards bytes both ways without reading them."""

import os
import select
import socket
import threading


class SerialServer:
    """Forwards one TCP connection at a time to a serial device; a new connection replaces the old one, as in most boxes."""

    def __init__(self, device):
        self.line = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections = 0
        self.peer = None
        self.wake, self.waker = os.pipe()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while True:
            waiting = [self.listener, self.line, self.wake] + ([self.peer] if self.peer else [])
            ready = select.select(waiting, [], [])[0]
            if self.wake in ready:
                return
            if self.listener in ready:
                self.drop()
                self.peer = self.listener.accept()[0]
                self.connections += 1
            elif self.peer in ready:
                self.from_peer()
            elif self.line in ready:
                data = os.read(self.line, 4096)
                if self.peer:
                    self.peer.sendall(data)

    def from_peer(self):
        try:
            data = self.peer.recv(4096)
        except OSError:
            data = b""
        if data:
            os.write(self.line, data)
        else:
            self.drop()

    def drop(self):
        if self.peer:
            self.peer.close()
            self.peer = None

    def stop(self):
        os.write(self.waker, b"x")
        self.thread.join()
        self.drop()
        self.listener.close()
        for fd in (self.line, self.wake, self.waker):
            os.close(fd)
