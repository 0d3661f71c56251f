"""The bytes of each misbehaviour on the wire, framing, and clients that misbehave."""

import random
import socket
import struct
import time

import pytest

from . import modbus
from .harness import PlantProcess, Wire
from .misbehave import FLOOD, MISBEHAVIOURS, NOISE


@pytest.fixture(name="plant")
def fixture_plant():
    with PlantProcess() as plant:
        yield plant


# The frames are written out, with CRCs from pymodbus, so that they do not come from the tested code.
# Dust: unit 2, the float 5.0 (0x40A00000) at 2, CDAB. GC: unit 1, registers 27 and 28.
RTU_REQUEST = bytes.fromhex("02 03 00 02 00 02 65 F8")
RTU_REPLY = bytes.fromhex("02 03 04 00 00 40 A0 F8 8B")
GAS_REQUEST = bytes.fromhex("01 04 00 0C 00 02 B1 C8")
GAS_REPLY = bytes.fromhex("01 04 04 41 A0 00 00 EF 9A")


def tcp_request(transaction):
    return struct.pack(">HHHBBHH", transaction, 0, 6, 1, 3, 27, 2)


def tcp_reply(transaction):
    return struct.pack(">HHHBBBHH", transaction, 0, 7, 1, 3, 4, 40000, 4000)


def rtu(text):
    body = bytes.fromhex(text)
    return body + modbus.crc(body)


# The misbehaviour, and the bytes that answer the request of transaction 0x1234; the next reply is good.
TCP_BYTES = {
    "silence": b"",
    "exception gc 2": bytes.fromhex("1234 0000 0003 01 83 02"),
    "wrong-unit": bytes.fromhex("1234 0000 0007 02 03 04 9C40 0FA0"),
    "wrong-function": bytes.fromhex("1234 0000 0007 01 04 04 9C40 0FA0"),
    "wrong-count": bytes.fromhex("1234 0000 0005 01 03 02 9C40"),
    "wrong-length": bytes.fromhex("1234 0000 0007 01 03 06 9C40 0FA0"),
    "wrong-transaction": bytes.fromhex("1235 0000 0007 01 03 04 9C40 0FA0"),
    "half-frame": tcp_reply(0x1234)[:6],
    "garbage": NOISE + tcp_reply(0x1234),
    "bytewise": tcp_reply(0x1234),
    "twice": tcp_reply(0x1234) * 2,
    "echo": tcp_request(0x1234) + tcp_reply(0x1234),
    "flood": tcp_reply(0x1234) + FLOOD,
    "late gc 200ms": tcp_reply(0x1234),
}

RTU_BYTES = {
    "silence": b"",
    "exception dust 2": rtu("02 83 02"),
    "wrong-unit": rtu("03 03 04 00 00 40 A0"),
    "wrong-function": rtu("02 04 04 00 00 40 A0"),
    "wrong-count": rtu("02 03 02 00 00"),
    "wrong-length": rtu("02 03 06 00 00 40 A0"),
    "half-frame": RTU_REPLY[:4],
    "reset": b"",
    "crc": RTU_REPLY[:-2] + bytes([RTU_REPLY[-2] ^ 0xFF, RTU_REPLY[-1]]),
    "garbage": NOISE + RTU_REPLY,
    "bytewise": RTU_REPLY,
    "twice": RTU_REPLY * 2,
    "echo": RTU_REQUEST + RTU_REPLY,
    "flood": RTU_REPLY + FLOOD,
    "late dust 200ms": RTU_REPLY,
}


def test_every_misbehaviour_is_seen_on_the_wire():
    tcp = {statement.split()[0] for statement in TCP_BYTES} | {"reset"}
    serial = {statement.split()[0] for statement in RTU_BYTES}
    for name, behaviour in MISBEHAVIOURS.items():
        assert (name in tcp) == ("tcp" in behaviour.links), name
        assert (name in serial) == ("rtu" in behaviour.links), name


@pytest.mark.parametrize("statement", TCP_BYTES)
def test_tcp(plant, statement):
    full = statement if " " in statement else f"{statement} gc"
    with Wire(plant.links["voc"]) as wire:
        wire.send(tcp_request(1))
        assert wire.receive(13) == tcp_reply(1)
        plant.do(f"{full} times 1")
        wire.send(tcp_request(0x1234))
        expected = TCP_BYTES[statement]
        assert wire.receive(len(expected)) == expected
        wire.send(tcp_request(3))
        assert wire.receive(13) == tcp_reply(3)
        assert wire.quiet()
    assert plant.get()["instruments"]["gc"]["requests"] == {"3": 3}


@pytest.mark.parametrize("statement", RTU_BYTES)
def test_rtu(plant, statement):
    full = statement if " " in statement else f"{statement} dust"
    with Wire(plant.links["bus1"]) as wire:
        wire.send(RTU_REQUEST)
        assert wire.receive(9) == RTU_REPLY
        plant.do(full)
        wire.send(RTU_REQUEST)
        expected = RTU_BYTES[statement]
        assert wire.receive(len(expected)) == expected
        wire.send(GAS_REQUEST)  # another instrument on the same bus answers correctly
        assert wire.receive(9) == GAS_REPLY
        plant.do("normal dust")
        wire.send(RTU_REQUEST)
        assert wire.receive(9) == RTU_REPLY
        assert wire.quiet()


def test_reset_cuts_the_connection(plant):
    plant.do("reset gc times 1")
    with Wire(plant.links["voc"]) as wire:
        wire.send(tcp_request(1))
        with pytest.raises(ConnectionResetError):
            wire.receive(1)
    with Wire(plant.links["voc"]) as wire:
        wire.send(tcp_request(2))
        assert wire.receive(13) == tcp_reply(2)


def test_late_reply_comes_after_that_time_and_holds_up_nothing(plant):
    plant.do("late gc 300ms times 1")
    with Wire(plant.links["voc"]) as wire:
        begun = time.monotonic()
        wire.send(tcp_request(1) + tcp_request(2))
        assert wire.receive(13) == tcp_reply(2)
        assert time.monotonic() - begun < 0.3
        assert wire.receive(13) == tcp_reply(1)
        assert time.monotonic() - begun >= 0.3


def test_late_reply_to_a_client_that_left(plant):
    plant.do("late gc 50ms", "late dust 50ms")
    with Wire(plant.links["voc"]) as wire:
        wire.send(tcp_request(1))
    with Wire(plant.links["voc"]) as wire:
        wire.send(tcp_request(2))
        assert wire.receive(13) == tcp_reply(2)
    assert "Traceback" not in plant.told()


def test_times_counts_replies(plant):
    plant.do("silence dust times 2")
    with Wire(plant.links["bus1"]) as wire:
        wire.send(RTU_REQUEST)
        wire.send(RTU_REQUEST + GAS_REQUEST)
        assert wire.receive(9) == GAS_REPLY
        wire.send(RTU_REQUEST)
        assert wire.receive(9) == RTU_REPLY


def test_misbehaviour_ends_with_its_period():
    with PlantProcess("--time-scale", 100, scenario="silence gc for 20s\n") as plant:
        with Wire(plant.links["voc"]) as wire:
            number = 0
            while wire.quiet() and number < 10000:
                number += 1
                wire.send(tcp_request(number))
                plant.get()
            assert wire.receive(13)[7:] == tcp_reply(0)[7:]


# Framing


def test_crc_of_the_published_frame():
    assert modbus.crc(bytes.fromhex("01 03 75 31 00 0B")) == bytes.fromhex("4F CE")


def test_bits_are_packed_low_bit_first():
    spaces = {1: (10, [1, 0, 1, 1, 0, 0, 1, 1, 1, 0]), 2: (0, [1])}
    assert modbus.answer(bytes.fromhex("01 000A 000A"), spaces) == bytes.fromhex("01 02 CD 01")
    assert modbus.answer(bytes.fromhex("02 0000 0001"), spaces) == bytes.fromhex("02 01 01")
    assert modbus.answer(bytes.fromhex("01 000A 07D1"), spaces) == bytes.fromhex("81 03")


@pytest.mark.parametrize("pdu, code", [
    ("03 0000 0001", 1), ("04 0009 0001", 2), ("04 000A 0005", 2), ("04 FFFF 0002", 2),
    ("04 000A 0000", 3), ("04 000A 007E", 3), ("04 000A", 3), ("10 000A 0001 02 0000", 1),
    ("06 000A 0001", 1), ("2B 0E 01 00", 1), ("41", 1),
])
def test_exceptions(pdu, code):
    pdu = bytes.fromhex(pdu)
    spaces = {4: (10, [1, 2, 3, 4])}
    assert modbus.answer(pdu, spaces) == bytes([pdu[0] | 0x80, code])


def test_requests_are_found_in_any_pieces():
    good = [RTU_REQUEST, GAS_REQUEST, rtu("01 10 00 00 00 01 02 00 07"), rtu("02 16 0000 0001 0002"),
            rtu("01 17 0000 0001 0000 0001 02 0005"), rtu("02 11"), rtu("01 2B 0E 01 00")]
    expected = [(frame[0], frame[1:-2]) for frame in good]
    rng = random.Random(1)
    for _ in range(200):
        stream = b"".join(good)
        scanner, found = modbus.RtuScanner(), []
        while stream:
            count = rng.randint(1, 12)
            found += scanner.feed(stream[:count])
            stream = stream[count:]
        assert found == expected and scanner.stray == 0


def test_requests_are_found_after_garbage():
    rng = random.Random(2)
    for _ in range(500):
        scanner = modbus.RtuScanner()
        noise = rng.randbytes(rng.randint(0, 600))
        # A CRC fits noise by chance once in 65536 times; then the request that follows may be lost.
        found = list(scanner.feed(noise + RTU_REQUEST)) + list(scanner.feed(RTU_REQUEST))
        assert found[-1] == (2, RTU_REQUEST[1:-2])


def test_half_a_request_does_not_stop_the_next():
    scanner = modbus.RtuScanner()
    assert not list(scanner.feed(bytes.fromhex("01 10 00 00 00 7B F6")))
    assert list(scanner.feed(RTU_REQUEST)) == [(2, RTU_REQUEST[1:-2])]


# Clients that misbehave


def test_unknown_unit_and_broadcast_are_silence_on_a_bus(plant):
    with Wire(plant.links["bus1"]) as wire:
        wire.send(rtu("07 03 00 00 00 01"))
        wire.send(rtu("00 06 00 00 00 01"))
        wire.send(RTU_REQUEST)
        assert wire.receive(9) == RTU_REPLY
    state = plant.get()
    assert state["links"]["bus1"]["unknown_unit"] == 2
    assert state["writes"] == 1


def test_function_we_do_not_know(plant):
    with Wire(plant.links["bus1"]) as wire:
        wire.send(rtu("02 41 01"))
        assert wire.receive(5) == rtu("02 C1 01")


def test_garbage_on_a_bus(plant):
    noise = random.Random(3).randbytes(20000)
    with Wire(plant.links["bus1"]) as wire:
        wire.send(noise)
        wire.send(RTU_REQUEST)
        assert wire.receive(9) == RTU_REPLY
    assert plant.get()["links"]["bus1"]["stray_bytes"] == len(noise)


def test_garbage_on_tcp_closes_the_connection(plant):
    with Wire(plant.links["voc"]) as wire:
        wire.send(b"GET / HTTP/1.0\r\n\r\n")
        assert wire.receive(1) == b""
    assert plant.poll("voc", 1, "4", 28, 1)[28] == 4000


def test_flood_of_connections(plant):
    place = plant.links["voc"]
    flood = [socket.create_connection((place["host"], place["port"])) for _ in range(500)]
    for number, connection in enumerate(flood):
        if number % 3 == 0:
            try:
                connection.sendall(b"\0\1\0\0\0")
            except OSError:
                pass  # the plant dropped this connection for a newer one
    assert plant.poll("voc", 1, "4", 28, 1)[28] == 4000
    for connection in flood:
        connection.close()
    assert "Traceback" not in plant.told(), plant.told()


def test_client_that_does_not_read_is_dropped(plant):
    place = plant.links["voc"]
    request = struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, 1, 52) * 1000
    with socket.create_connection((place["host"], place["port"]), 10) as connection:
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            for _ in range(1000):
                connection.sendall(request)
    assert plant.poll("voc", 1, "4", 28, 1)[28] == 4000


def test_control_line_without_end(plant):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(plant.socket))
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            for _ in range(100):
                connection.sendall(b"x" * 65536)
    assert plant.ask("normal all") == "ok"
