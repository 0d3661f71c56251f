"""A Modbus device whose answers are bytes: a test decides what it does with each connection and each request."""

import socket
import struct
import threading

from tests.plant import modbus


class OddDevice:
    """Serves each connection on its own thread. `habit(device, peer, question)` answers one request, and returns False to
    close the connection. `registers` holds the values of the registers.
    """

    def __init__(self, registers, habit, rtu=False):
        self.registers, self.habit, self.rtu = registers, habit, rtu
        self.connections = 0
        self.kept = {}  # for the use of habits
        self.peers = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self.peers.append(peer)
            self.threads.append(threading.Thread(target=self.serve, args=(peer,)))
            self.threads[-1].start()

    def serve(self, peer):
        size = 8 if self.rtu else 12
        question = b""
        try:
            while data := peer.recv(size - len(question)):
                question += data
                if len(question) == size:
                    if self.habit(self, peer, question) is False:
                        break
                    question = b""
        except OSError:
            pass
        finally:
            peer.close()

    def address(self, question):
        return struct.unpack(">H", question[2:4] if self.rtu else question[8:10])[0]

    def frame(self, question, pdu, transaction=None):
        if self.rtu:
            return modbus.rtu_frame(question[0], pdu)
        if transaction is None:
            transaction = struct.unpack(">H", question[:2])[0]
        return modbus.tcp_frame(transaction, question[6], pdu)

    def answer(self, question, transaction=None):
        """The right answer to a request."""
        count = struct.unpack(">H", question[4:6] if self.rtu else question[10:12])[0]
        function = question[1] if self.rtu else question[7]
        first = self.address(question)
        data = b"".join(struct.pack(">H", self.registers[a]) for a in range(first, first + count))
        return self.frame(question, bytes([function, len(data)]) + data, transaction)

    def exception(self, question, code, transaction=None):
        function = question[1] if self.rtu else question[7]
        return self.frame(question, bytes([function | 0x80, code]), transaction)

    def later(self, seconds, data, peer=None):
        """Sends `data` after so many seconds, on `peer` or on the connection that is the newest at that time."""
        def send():
            try:
                (peer or self.peers[-1]).sendall(data)
            except OSError:
                pass  # the connection was closed meanwhile
        self.threads.append(threading.Timer(seconds, send))
        self.threads[-1].start()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.threads[0].join()
        self.listener.close()
        for peer in self.peers:
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the connection has ended already
        for thread in self.threads[1:]:
            thread.join()
