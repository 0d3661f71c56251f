"""Misbehaviours of an instrument: a table of functions that change a good reply.

A function takes the reply and the argument of the statement, and returns a list of steps:
bytes to send, a number of (real) seconds to wait, or RESET. To add a misbehaviour, add one line
to MISBEHAVIOURS.
"""

import dataclasses
from typing import Callable, Optional

from . import modbus

RESET = object()  # reset the connection (RST); on a serial line send no reply
NOISE = b"\x00\xff\x55\xaa\x7e"
FLOOD = bytes(range(256)) * 4
BYTE_GAP = 0.002  # seconds between two bytes of `bytewise`


@dataclasses.dataclass(frozen=True)
class Reply:
    """A good reply, before framing. transaction is None on a serial line."""

    unit: int
    pdu: bytes
    transaction: Optional[int] = None
    request: bytes = b""  # the PDU that is answered

    def frame(self):
        if self.transaction is None:
            return modbus.rtu_frame(self.unit, self.pdu)
        return modbus.tcp_frame(self.transaction, self.unit, self.pdu)

    def but(self, **changes):
        return dataclasses.replace(self, **changes).frame()


def _half(reply, _argument):
    frame = reply.frame()
    return [frame[: len(frame) // 2]]


def _echo(reply, _argument):
    """Like an adapter that receives its own sending: the request comes back before the answer."""
    return [reply.but(pdu=reply.request) + reply.frame()]


def _flood(reply, _argument):
    """The reply, and then bytes that were not asked for."""
    return [reply.frame() + FLOOD]


def _bytewise(reply, _argument):
    steps = []
    for byte in reply.frame():
        steps += [bytes([byte]), BYTE_GAP]
    return steps


def _bad_crc(reply, _argument):
    frame = reply.frame()
    return [frame[:-2] + bytes([frame[-2] ^ 0xFF, frame[-1]])]


def _one_register_less(pdu):
    """A complete, well-formed reply with one register less than was asked for."""
    if pdu[0] & 0x80:
        return pdu
    data = pdu[2:-2]
    return bytes([pdu[0], len(data)]) + data


def _wrong_length(pdu):
    """A reply whose byte count is two more than its number of bytes."""
    return pdu if pdu[0] & 0x80 else bytes([pdu[0], (pdu[1] + 2) & 0xFF]) + pdu[2:]


@dataclasses.dataclass(frozen=True)
class Misbehaviour:
    steps: Callable
    argument: Optional[str] = None  # None, "duration" or "code"
    links: tuple = ("rtu", "tcp")


# fmt: off
MISBEHAVIOURS = {
    "silence":           Misbehaviour(lambda r, a: []),
    "late":              Misbehaviour(lambda r, a: [a, r.frame()], argument="duration"),
    "exception":         Misbehaviour(lambda r, a: [r.but(pdu=modbus.exception(r.pdu[0] & 0x7F, a))], argument="code"),
    "wrong-unit":        Misbehaviour(lambda r, a: [r.but(unit=(r.unit + 1) & 0xFF)]),
    "wrong-function":    Misbehaviour(lambda r, a: [r.but(pdu=bytes([r.pdu[0] ^ 7]) + r.pdu[1:])]),
    "wrong-count":       Misbehaviour(lambda r, a: [r.but(pdu=_one_register_less(r.pdu))]),
    "wrong-length":      Misbehaviour(lambda r, a: [r.but(pdu=_wrong_length(r.pdu))]),
    "wrong-transaction": Misbehaviour(lambda r, a: [r.but(transaction=(r.transaction + 1) & 0xFFFF)], links=("tcp",)),
    "half-frame":        Misbehaviour(_half),
    "reset":             Misbehaviour(lambda r, a: [RESET]),
    "crc":               Misbehaviour(_bad_crc, links=("rtu",)),
    "garbage":           Misbehaviour(lambda r, a: [NOISE + r.frame()]),
    "bytewise":          Misbehaviour(_bytewise),
    "twice":             Misbehaviour(lambda r, a: [r.frame() + r.frame()]),
    "echo":              Misbehaviour(_echo),
    "flood":             Misbehaviour(_flood),
}
# fmt: on
