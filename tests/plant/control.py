"""The control socket: each line is a statement, answered by "ok" or "error: ..."; `get` is answered
by one line of JSON."""

import asyncio
import json
import math
import os
import socket

from .scenario import StatementError, parse_statement

MAX_LINE = 65536


def state(plant, links):
    """The answer to `get`, as a dictionary."""
    snapshot = plant.snapshot()
    return _finite({
        "time": plant.local(snapshot.time),
        "time_unix": snapshot.time,
        "noise": plant.process.noise,
        "values": snapshot.values,
        "held": [name for name in snapshot.values if plant.process.held(name)],
        "writes": sum(link.writes for link in links),
        "instruments": {i.name: _instrument(plant, i, snapshot)
                        for i in plant.instruments.values()},
        "links": {link.name: link.counters() for link in links},
    })


def _instrument(plant, instrument, snapshot):
    active = plant.misbehaviour(instrument)
    return {
        "link": instrument.link,
        "unit": instrument.unit,
        "requests": {str(f): n for f, n in sorted(instrument.requests.items())},
        "writes": instrument.writes,
        "exceptions": instrument.exceptions,
        "mode": instrument.mode,
        "mode_until": _time(plant, instrument.mode_until),
        "misbehaviour": active and {
            "name": active.name,
            "argument": active.argument,
            "until": _time(plant, active.until),
            "left": active.left,
        },
        "shown": instrument.shown(snapshot.values),
        "result_time": _time(plant, instrument.result_at),
        "interval": instrument.interval,
        "poked": {str(a): v for a, v in instrument.poked.items()},
    }


def _time(plant, t):
    return None if t is None else plant.local(t)


def _finite(value):
    """The value, or None (null) for NaN and infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def answer(plant, links, line):
    """Runs one line; returns the line that answers it."""
    line = line.strip()
    if line == "get":
        return json.dumps(state(plant, links))
    try:
        plant.do(parse_statement(line))
    except StatementError as error:
        return f"error: {error}"
    return "ok"


class Control:
    def __init__(self, path, plant, links):
        self._path, self._plant, self._links = path, plant, links
        self._server = None

    async def start(self):
        remove_leftover(self._path)
        self._server = await asyncio.start_unix_server(self._serve, self._path, limit=MAX_LINE)

    async def _serve(self, reader, writer):
        try:
            while line := await reader.readline():
                text = answer(self._plant, self._links, line.decode("utf-8", "replace"))
                writer.write(text.encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):  # ValueError: a line that is too long
            pass
        except asyncio.CancelledError:
            pass  # the plant is stopping
        finally:
            writer.close()

    def stop(self):
        self._server.close()
        os.unlink(self._path)


def remove_leftover(path):
    """Removes a socket file on which no program listens; raises OSError if a program does."""
    if not os.path.exists(path):
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
    raise OSError(f"{path}: another plant listens here")
