"""The links: Modbus TCP servers and RTU on pseudo-terminals, for asyncio.

A link finds requests, lets the instrument answer, and sends the answer as the misbehaviour changes it.
Delays are in real time and never delay the answer to the next request.
"""

import asyncio
import fcntl
import os
import socket
import struct
import termios
import tty

from . import modbus
from .misbehave import MISBEHAVIOURS, RESET, Reply

MAX_CONNECTIONS = 64  # of one server; a new connection replaces the one that was idle longest
MAX_UNSENT = 65536  # bytes; a client that does not read is dropped


class Link:
    """The answers to requests, and the counters. For units that are not on the link see stranger()."""

    def __init__(self, name, plant):
        self.name, self.plant = name, plant
        self.units = {i.unit: i for i in plant.instruments.values() if i.link == name}
        self.requests = self.unknown_unit = self.stray_bytes = self.writes = self.connections = 0

    def respond(self, unit, pdu, transaction=None):
        """The list of steps that answer a request."""
        function = pdu[0]
        write = function in modbus.WRITE_FUNCTIONS
        self.requests += 1
        self.writes += write
        instrument = self.units.get(unit)
        if instrument is None:
            self.unknown_unit += 1
            return self.stranger(unit, function, transaction)
        instrument.writes += write
        instrument.requests[function] = instrument.requests.get(function, 0) + 1
        spaces = instrument.spaces(self.plant.snapshot())
        reply = Reply(unit, modbus.answer(pdu, spaces), transaction, pdu)
        if reply.pdu[0] & 0x80:
            instrument.exceptions += 1
        active = self.plant.take_misbehaviour(instrument)
        if active is None:
            return [reply.frame()]
        return MISBEHAVIOURS[active.name].steps(reply, active.argument)

    def stranger(self, unit, function, transaction):
        raise NotImplementedError

    def counters(self):
        names = ("requests", "unknown_unit", "stray_bytes", "writes", "connections")
        return {name: getattr(self, name) for name in names}


def _play(steps, write, reset):
    loop = asyncio.get_running_loop()
    delay = 0.0
    for step in steps:
        if step is RESET:
            reset()
            return
        if isinstance(step, float):
            delay += step
        elif delay > 0.0:
            loop.call_later(delay, write, step)
        else:
            write(step)


class _Connection(asyncio.Protocol):
    def __init__(self, link):
        self._link = link
        self._scanner = modbus.TcpScanner()
        self._transport = None

    def connection_made(self, transport):
        self._transport = transport
        self._link.joined(self)

    def connection_lost(self, _error):
        self._link.left(self)

    def data_received(self, data):
        self._link.joined(self)
        try:
            for transaction, unit, pdu in self._scanner.feed(data):
                if self._transport.is_closing():
                    return
                _play(self._link.respond(unit, pdu, transaction), self._write, self.reset)
        except ValueError:
            self._link.stray_bytes += len(data)
            self._transport.close()

    def _write(self, data):
        if self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > MAX_UNSENT:
            self._transport.abort()

    def reset(self):
        """Ends the connection with RST."""
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


class TcpLink(Link):
    def __init__(self, name, plant):
        super().__init__(name, plant)
        self._open = {}  # longest idle first
        self._server = None

    async def start(self):
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return {"type": "tcp", "host": "127.0.0.1", "port": port}

    def stranger(self, unit, function, transaction):
        pdu = modbus.exception(function, modbus.TARGET_NOT_RESPONDING)
        return [modbus.tcp_frame(transaction, unit, pdu)]

    def joined(self, connection):
        """Notes that a connection is new or was used."""
        if self._open.pop(connection, None) is None:
            self.connections += 1
            if len(self._open) >= MAX_CONNECTIONS:
                next(iter(self._open)).reset()
        self._open[connection] = True

    def left(self, connection):
        self._open.pop(connection, None)

    def stop(self):
        self._server.close()
        for connection in list(self._open):
            connection.reset()


class RtuLink(Link):
    def __init__(self, name, plant):
        super().__init__(name, plant)
        self._scanner = modbus.RtuScanner()
        self._master = self._slave = -1

    async def start(self):
        # The slave side stays open here, so that a client may close it and come back.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        asyncio.get_running_loop().add_reader(self._master, self._readable)
        return {"type": "rtu", "device": os.ttyname(self._slave)}

    def stranger(self, unit, function, transaction):
        return []

    def _readable(self):
        try:
            data = os.read(self._master, 4096)
        except OSError:
            return
        # Removes a client's TIOCEXCL, which would otherwise remain after the client, because the slave stays open.
        fcntl.ioctl(self._slave, termios.TIOCNXCL)
        for unit, pdu in self._scanner.feed(data):
            _play(self.respond(unit, pdu), self._write, lambda: None)
        self.stray_bytes = self._scanner.stray

    def _write(self, data):
        try:
            os.write(self._master, data)
        except OSError:
            pass  # no client reads and the line is full: the bytes are lost, as on a real line

    def stop(self):
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)
        self._write = lambda data: None  # a delayed reply may still be written
