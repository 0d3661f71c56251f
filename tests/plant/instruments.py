"""The instruments: the values that each one shows, and the registers in which it shows them.

Register layouts are taken from the device documents (README.md names them). The code here does not
depend on links or framing. Times in registers are local times of the plant.
"""

import math
import struct

MEASURING = "measuring"
SPAN_GAS = {"so2": 80.0, "no": 60.0, "o2": 0.0, "no2": 0.0, "nox": 92.0}  # concentrations of the calibration gas


def float_words(value, order):
    """A float as two registers. `order` names the four bytes in the order of sending, A = most significant."""
    try:
        raw = struct.pack(">f", value)
    except OverflowError:
        raw = struct.pack(">f", math.copysign(math.inf, value))
    return struct.unpack(">HH", bytes(raw["ABCD".index(letter)] for letter in order))


def whole(value, scale, low, high):
    """`value` as a whole number of steps of `scale`, limited to low..high as in an instrument."""
    if not math.isfinite(value):
        return high
    return min(max(round(value / scale), low), high)


def bcd(number):
    return number // 10 % 10 << 4 | number % 10


class Registers:
    """The block of registers of one instrument."""

    def __init__(self, first, count):
        self.first = first
        self.words = [0] * count

    def u16(self, address, value):
        self.words[address - self.first] = value

    def u16_scaled(self, address, value, scale):
        self.u16(address, whole(value, scale, 0, 0xFFFF))

    def f32(self, address, value, order):
        at = address - self.first
        self.words[at : at + 2] = float_words(value, order)

    def i32_abcd(self, address, value, scale):
        number = whole(value, scale, -(2**31), 2**31 - 1) & 0xFFFFFFFF
        self.u16(address, number >> 16)
        self.u16(address + 1, number & 0xFFFF)

    def time_plain(self, address, when):
        """Six registers: year, month, day, hour, minute, second."""
        for i, number in enumerate(when.timetuple()[:6]):
            self.u16(address + i, number)

    def time_bytes(self, address, when, code=int):
        """Three registers: one byte each for yy mm dd hh mi ss, encoded by `code`."""
        numbers = [code(n) for n in (when.year % 100, *when.timetuple()[1:6])]
        for i in range(3):
            self.u16(address + i, numbers[2 * i] << 8 | numbers[2 * i + 1])


class Instrument:
    """One Modbus unit. Subclasses define the class attributes and fill()."""

    name = link = ""
    unit = 1
    function = 3
    first = count = 0
    factors = ()
    modes = ()  # which of `calibrate`, `fault`, `maintenance` it can show
    interval = None  # seconds between two results; None = continuous

    def __init__(self, started):
        self.started = started  # plant time, datetime
        self.mode = MEASURING
        self.mode_until = None  # plant time, seconds
        self.result = {}
        self.result_at = None  # plant time, seconds
        self.poked = {}
        self.requests = {}
        self.writes = 0
        self.exceptions = 0
        self.misbehaviour = None
        self._spaces = None
        self._built = None

    def shown(self, values):
        """{factor: value} that the instrument shows."""
        if self.interval is not None:
            return dict(self.result)
        return {factor: values[factor] for factor in self.factors}

    def spaces(self, snapshot):
        """The registers in the form that modbus.answer() takes; built once per snapshot."""
        if self._built != snapshot.number:
            registers = Registers(self.first, self.count)
            self.fill(registers, self.shown(snapshot.values), snapshot)
            for address, value in self.poked.items():
                registers.u16(address, value)
            self._spaces = {self.function: (self.first, registers.words)}
            self._built = snapshot.number
        return self._spaces

    def fill(self, registers, shown, snapshot):
        raise NotImplementedError


class Gas(Instrument):
    """SDL SCS-900UV. 0x000A: fault code | step; 0x000B low byte: maintenance; then floats."""

    name, link, unit = "gas", "bus1", 1
    function, first, count = 4, 0x000A, 33
    factors = ("so2", "no", "o2", "no2", "nox")
    modes = ("calibrate", "fault", "maintenance")

    def shown(self, values):
        return dict(SPAN_GAS) if self.mode == "calibrate" else super().shown(values)

    def fill(self, registers, shown, snapshot):
        fault = 1 if self.mode == "fault" else 0
        step = 3 if self.mode == "calibrate" else 0  # 0, 1 measuring; 2..7 zero, span, purge
        registers.u16(0x000A, fault << 8 | step)
        registers.u16(0x000B, 1 if self.mode == "maintenance" else 0)
        for i, factor in enumerate(self.factors):
            registers.f32(0x000C + 2 * i, shown[factor], "ABCD")


class Dust(Instrument):
    """FPI Synspec PM."""

    name, link, unit = "dust", "bus1", 2
    first, count = 0x0000, 0x0022
    factors = ("pm",)
    modes = ("calibrate", "fault", "maintenance")
    _STATES = {MEASURING: 0, "maintenance": 2, "calibrate": 3, "fault": 6}

    def fill(self, registers, shown, snapshot):
        registers.u16(0x0000, self._STATES[self.mode])
        registers.f32(0x0002, shown["pm"], "CDAB")
        registers.f32(0x000E, shown["pm"], "CDAB")  # raw signal; slope is 1
        registers.u16(0x0014, 50)  # range, mg/m3
        registers.u16(0x0016, 1 if self.mode == "fault" else 0)
        when = self.started
        registers.u16(0x001A, when.year)  # span time: year, then plain bytes
        registers.u16(0x001B, when.month << 8 | when.day)
        registers.u16(0x001C, when.hour << 8 | when.minute)
        registers.u16(0x001D, when.second << 8)
        registers.f32(0x001E, 1.0, "CDAB")
        registers.f32(0x0020, 0.0, "CDAB")


class Stack(Instrument):
    """A PLC with consecutive floats (pattern C of the gateways)."""

    name, link, unit = "stack", "plc", 1
    first, count = 0x0000, 30
    factors = ("temp", "pressure", "humidity", "velocity")

    def fill(self, registers, shown, snapshot):
        for i, factor in enumerate(self.factors):
            registers.f32(2 * i, shown[factor], "CDAB")


class Gc(Instrument):
    """NMHC / benzene chromatograph: records of three registers, one result in each cycle."""

    name, link, unit = "gc", "voc", 1
    first, count = 1, 52
    factors = ("thc", "ch4", "nmhc")
    modes = ("fault",)  # the document gives no code for calibration
    interval = 120.0
    _RECORDS = 11
    _VALID, _NOT_MEASURED = 0, 8

    def fill(self, registers, shown, snapshot):
        registers.time_plain(10, snapshot.local(self.result_at))
        for n in range(self._RECORDS):
            at = 20 + 3 * n
            if n >= len(self.factors) or self.mode == "fault":
                registers.u16(at, self._NOT_MEASURED)
                continue
            value = shown[self.factors[n]]
            registers.u16(at, self._VALID)
            registers.u16_scaled(at + 1, value * 10.0, 0.01)  # area
            registers.u16_scaled(at + 2, value, 0.01)


class Cod(Instrument):
    """COD analyser with the Jiangsu map: the register number is the address on the wire."""

    name, link, unit = "cod", "bus2", 1
    first, count = 30001, 207
    factors = ("cod",)
    modes = ("fault",)  # of the states, only 1 (stand-by) is known
    interval = 3600.0

    def fill(self, registers, shown, snapshot):
        registers.u16(30001, 1)
        registers.f32(30002, shown["cod"], "ABCD")
        registers.f32(30004, shown["cod"] * 100.0, "ABCD")  # signal
        registers.time_plain(30006, snapshot.local(self.result_at))
        uptime = snapshot.time - self.started.timestamp()
        registers.u16(30018, int(uptime) & 0xFFFF)
        registers.u16(30020, 1)
        registers.u16(30021, 1 if self.mode == "fault" else 0)
        for address, value in ((30202, 1.0), (30204, 1.0), (30206, 0.0)):
            registers.f32(address, value, "ABCD")  # precision, factor, offset


class Nutrients(Instrument):
    """Three-channel water analyser with the 0x1000 map: one record of 11 registers for each factor."""

    name, link, unit = "nutrients", "bus2", 2
    first, count = 0x1000, 0x00D0
    factors = ("nh3n", "tp", "tn")
    modes = ("calibrate", "fault", "maintenance")
    interval = 3600.0
    _STATES = {"calibrate": 8, "maintenance": 12, "fault": 23}
    _IDLE, _MEASURING = 0, 1

    def fill(self, registers, shown, snapshot):
        result_time = snapshot.local(self.result_at)
        for i, factor in enumerate(self.factors):
            at = 0x1008 + 11 * i
            registers.f32(at, shown[factor], "CDAB")
            registers.u16(at + 2, ord("N") << 8)  # the flag of the result, not of the present state
            registers.time_bytes(at + 8, result_time, bcd)
        registers.time_bytes(0x1080, snapshot.local(snapshot.time), bcd)
        waiting = snapshot.time - self.result_at < self.interval / 3
        running = self._IDLE if waiting else self._MEASURING
        registers.u16(0x1083, self._STATES.get(self.mode, running))
        registers.u16(0x1086, 1 if self.mode == "fault" else 0)
        registers.u16(0x1089, whole(self.interval, 60.0, 0, 0xFFFF))


class Ph(Instrument):
    """Liance pH sensor; no status."""

    name, link, unit = "ph", "bus2", 3
    first, count = 0x0000, 2
    factors = ("ph", "wtemp")

    def fill(self, registers, shown, snapshot):
        registers.u16_scaled(0x0000, shown["ph"], 0.01)
        registers.u16_scaled(0x0001, shown["wtemp"], 0.1)


class Flow(Instrument):
    """Bokesi open-channel flow meter; no status."""

    name, link, unit = "flow", "bus2", 4
    first, count = 0x0000, 10
    factors = ("flow", "total")

    def fill(self, registers, shown, snapshot):
        registers.i32_abcd(0x0001, shown["flow"], 0.1)
        registers.i32_abcd(0x0003, shown["total"], 1.0)


INSTRUMENTS = {cls.name: cls for cls in (Gas, Dust, Stack, Gc, Cod, Nutrients, Ph, Flow)}
LINKS = {"bus1": "rtu", "plc": "tcp", "voc": "tcp", "bus2": "rtu"}
