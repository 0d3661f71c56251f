"""Modbus on the wire, server side: CRC, RTU and TCP framing, functions 1-4.

Pure functions on bytes, without sockets or a clock. Written by hand so that a reply can be changed
at any byte. Every function that writes is refused with exception 1.
"""

import struct

ILLEGAL_FUNCTION = 1
ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3
TARGET_NOT_RESPONDING = 11  # exception of a gateway for a unit that it does not know

READ_FUNCTIONS = (1, 2, 3, 4)
WRITE_FUNCTIONS = (5, 6, 15, 16, 21, 22, 23)
MAX_BITS = 2000
MAX_REGISTERS = 125
MAX_FRAME = 256  # RTU; a TCP frame has at most 260 bytes


def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0xA001 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC_TABLE = _crc_table()


def crc(data):
    """CRC-16 of `data` as the two bytes that follow it on the line."""
    value = 0xFFFF
    for byte in data:
        value = (value >> 8) ^ _CRC_TABLE[(value ^ byte) & 0xFF]
    return struct.pack("<H", value)


def rtu_frame(unit, pdu):
    body = bytes([unit]) + pdu
    return body + crc(body)


def tcp_frame(transaction, unit, pdu):
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def exception(function, code):
    return bytes([function | 0x80, code])


def answer(pdu, spaces):
    """The good reply to a request.

    `spaces`: function code -> (first address, list of values); values are 0/1 for the
    functions 1 and 2, registers for 3 and 4.
    """
    function = pdu[0]
    if function not in READ_FUNCTIONS or function not in spaces:
        return exception(function, ILLEGAL_FUNCTION)
    if len(pdu) != 5:
        return exception(function, ILLEGAL_VALUE)
    address, count = struct.unpack(">HH", pdu[1:])
    if not 1 <= count <= (MAX_BITS if function <= 2 else MAX_REGISTERS):
        return exception(function, ILLEGAL_VALUE)
    first, values = spaces[function]
    start = address - first
    if start < 0 or start + count > len(values):
        return exception(function, ILLEGAL_ADDRESS)
    values = values[start : start + count]
    if function <= 2:
        data = bytearray((count + 7) // 8)
        for i, bit in enumerate(values):
            data[i // 8] |= (1 if bit else 0) << (i % 8)
    else:
        data = struct.pack(f">{count}H", *values)
    return bytes([function, len(data)]) + bytes(data)


def _rtu_request_length(data):
    """The length in bytes of a request that begins with `data`; 0 if its function is not known, None if
    more bytes are needed to decide."""
    function = data[1]
    if function in (1, 2, 3, 4, 5, 6, 8):
        return 8
    if function in (7, 11, 12, 17):
        return 4
    if function == 22:
        return 10
    if function == 43:
        return 7
    if function in (15, 16):
        return 9 + data[6] if len(data) > 6 else None
    if function in (20, 21):
        return 5 + data[2] if len(data) > 2 else None
    if function == 23:
        return 13 + data[10] if len(data) > 10 else None
    return 0


class RtuScanner:
    """Finds requests in a byte stream without timing: a request is recognised by its length and CRC, and
    the bytes before it are dropped (`stray` counts them)."""

    def __init__(self):
        self._buffer = bytearray()
        self.stray = 0

    def feed(self, data):
        """Yields (unit, pdu) for each request that `data` completes."""
        self._buffer += data
        while True:
            found = self._find()
            if found is None:
                break
            start, end = found
            frame = bytes(self._buffer[start:end])
            self.stray += start
            del self._buffer[:end]
            yield frame[0], frame[1:-2]
        excess = len(self._buffer) - MAX_FRAME
        if excess > 0:
            self.stray += excess
            del self._buffer[:excess]

    def _find(self):
        buffer = self._buffer
        for start in range(len(buffer) - 3):
            left = len(buffer) - start
            length = _rtu_request_length(buffer[start : start + 11])
            if length == 0 and start == 0:
                length = left  # an unknown function: a request only if all remaining bytes fit
            if not length or length > left:
                continue
            end = start + length
            if crc(buffer[start : end - 2]) == bytes(buffer[end - 2 : end]):
                return start, end
        return None


class TcpScanner:
    """Finds requests in a TCP stream; raises ValueError if the bytes are not Modbus (then close the connection)."""

    def __init__(self):
        self._buffer = bytearray()

    def feed(self, data):
        """Yields (transaction, unit, pdu) for each request that `data` completes."""
        self._buffer += data
        while len(self._buffer) >= 7:
            transaction, protocol, length, unit = struct.unpack(">HHHB", self._buffer[:7])
            if protocol != 0 or not 2 <= length <= 254:
                raise ValueError("not a Modbus TCP header")
            if len(self._buffer) < 6 + length:
                return
            pdu = bytes(self._buffer[7 : 6 + length])
            del self._buffer[: 6 + length]
            yield transaction, unit, pdu
