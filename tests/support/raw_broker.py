"""An MQTT broker whose answers are bytes and which misbehaves as a test wants; it keeps a list of what it received."""

import json
import socket
import struct
import threading

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 14


def length(n):
    data = b""
    while True:
        data += bytes([n % 128 | (128 if n >= 128 else 0)])
        n //= 128
        if not n:
            return data


def packet(first, body):
    return bytes([first]) + length(len(body)) + body


class RawBroker:
    """`connack(connect)` returns the bytes that answer a CONNECT, or None to end the connection without an answer.
    `puback(topic, payload)` returns the reason code for a message, None for no answer, or bytes that are sent instead of a
    PUBACK. `after(peer)` is called after each CONNACK. All of them run on the connection's own thread.
    """

    def __init__(self, connack=None, puback=None, after=None, properties=b"", port=0):
        self.connack = connack or (lambda connect: packet(0x20, b"\0\0" + length(len(properties)) + properties)
                                   if connect["version"] == 5 else packet(0x20, b"\0\0"))
        self.puback = puback or (lambda topic, payload: 0)
        self.after = after
        self.lock = threading.Lock()
        self.connects = []  # {"version", "keepalive", "client"}
        self.messages = []  # (topic, payload) in order of arrival
        self.taken = []  # the messages that were acknowledged
        self.peers = []
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.peers.append(peer)
                self.threads.append(threading.Thread(target=self.serve, args=(peer,)))
                self.threads[-1].start()

    @staticmethod
    def read(peer, n):
        data = b""
        while len(data) < n:
            more = peer.recv(n - len(data))
            if not more:
                raise OSError("closed")
            data += more
        return data

    def read_packet(self, peer):
        first, n, shift = self.read(peer, 1)[0], 0, 0
        while True:
            byte = self.read(peer, 1)[0]
            n |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return first, self.read(peer, n)

    def serve(self, peer):
        version = 0
        try:
            with peer:
                while True:
                    first, body = self.read_packet(peer)
                    if first >> 4 == CONNECT:
                        version = body[6]
                        if not self.take_connect(peer, body):
                            return
                    elif first >> 4 == PUBLISH:
                        self.take_publish(peer, first, body, version)
                    elif first >> 4 == SUBSCRIBE:
                        peer.sendall(packet(0x90, body[:2] + (b"\0" if version == 5 else b"") + b"\1"))
                    elif first >> 4 == PINGREQ:
                        peer.sendall(b"\xd0\0")
                    elif first >> 4 == DISCONNECT:
                        return
        except OSError:
            pass

    def take_connect(self, peer, body):
        at = 10 + (1 + body[10] if body[6] == 5 else 0)  # the properties are shorter than 128 bytes
        n = struct.unpack(">H", body[at:at + 2])[0]
        connect = {"version": body[6], "keepalive": struct.unpack(">H", body[8:10])[0],
                   "client": body[at + 2:at + 2 + n].decode()}
        with self.lock:
            self.connects.append(connect)
        answer = self.connack(connect)
        if answer is None:
            return False
        peer.sendall(answer)
        if self.after:
            self.after(peer)
        return True

    def take_publish(self, peer, first, body, version):
        n = struct.unpack(">H", body[:2])[0]
        topic, at, pid = body[2:2 + n].decode(), 2 + n, b""
        if first & 6:
            pid = body[at:at + 2]
            at += 2
        if version == 5:
            at += 1 + body[at]
        payload = body[at:]
        with self.lock:
            self.messages.append((topic, payload))
        code = self.puback(topic, payload)
        if isinstance(code, bytes):
            peer.sendall(code)
        elif code is not None and pid:
            with self.lock:
                self.taken += [(topic, payload)] if code < 0x80 else []
            peer.sendall(packet(0x40, pid + (bytes([code, 0]) if version == 5 and code else b"")))

    def alarms(self, taken=True):
        """The payloads of alarm events in order of arrival."""
        with self.lock:
            return [json.loads(payload) for topic, payload in (self.taken if taken else self.messages)
                    if topic.endswith("/alarm")]

    def hang_up(self):
        """Ends every connection."""
        with self.lock:
            peers = list(self.peers)
        for peer in peers:
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.hang_up()
        for thread in self.threads:
            thread.join(10)
