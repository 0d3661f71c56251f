#!/usr/bin/python3
"""The simulated plant: a sinter stack, a VOC coating line and a wastewater outlet.

The program serves instruments over Modbus TCP (127.0.0.1, ports chosen by the kernel) and Modbus RTU
(pseudo-terminals). When all servers listen, the ready file gives their addresses. A scenario file and
the control socket control the plant; see README.md.
"""

import argparse
import asyncio
import datetime
import json
import os
import pathlib
import signal
import sys
import time

# When this file runs as a script, import the package `plant`, not this file.
sys.path[0] = str(pathlib.Path(__file__).resolve().parent.parent)

# pylint: disable=wrong-import-position
from plant.control import Control  # noqa: E402
from plant.instruments import LINKS  # noqa: E402
from plant.links import RtuLink, TcpLink  # noqa: E402
from plant.model import Clock, Plant  # noqa: E402
from plant.scenario import parse_scenario  # noqa: E402

CHINA = datetime.timezone(datetime.timedelta(hours=8))
LONGEST_REST = 1.0  # seconds


def number_in(low, high):
    def parse(text):
        number = float(text)
        if not low <= number <= high:
            raise ValueError
        return number

    parse.__name__ = f"number from {low:g} to {high:g}:"
    return parse


def iso_time(text):
    when = datetime.datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no offset, expected e.g. "
                                         "2026-03-02T07:50:00+08:00")
    return when


def arguments():
    parser = argparse.ArgumentParser(
        prog="plant.py", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--scenario", metavar="FILE", help="what happens, and when")
    add("--time-scale", metavar="N", type=number_in(0.001, 1e5), default=1.0,
        help="plant seconds in a real second (1)")
    add("--time-start", metavar="ISO", type=iso_time,
        help="plant time at the anchor, with offset; instruments show this offset (the anchor)")
    add("--time-anchor", metavar="UNIX", type=number_in(0.0, 1e10),
        help="real time, seconds since 1970 (now)")
    add("--seed", metavar="N", type=int, default=1, help="of the noise (1)")
    add("--noise", metavar="F", type=number_in(0.0, 100.0), default=1.0,
        help="factor of the noise, 0 = none (1)")
    add("--ready", metavar="FILE", required=True, help="written when everything listens")
    add("--control", metavar="SOCKET", required=True, help="path of the control socket")
    return parser.parse_args()


def read_scenario(path):
    """The steps of the scenario; ends the program if there is an error."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        fail([f"{path}: cannot be read: {error}"])
    steps, errors = parse_scenario(text, path)
    if errors:
        fail(errors)
    return steps


def fail(lines):
    for line in lines:
        print(line, file=sys.stderr)
    raise SystemExit(2)


def write_ready(path, contents):
    temporary = f"{path}.new"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(contents, file)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.rename(temporary, path)


def log(line):
    print(line, file=sys.stderr, flush=True)


def make_plant(options):
    anchor = time.time() if options.time_anchor is None else options.time_anchor
    start = options.time_start or datetime.datetime.fromtimestamp(anchor, CHINA)
    clock = Clock(options.time_scale, start.timestamp(), anchor)
    plant = Plant(clock, start.tzinfo, options.seed, options.noise, log)
    for after, statement in read_scenario(options.scenario) if options.scenario else []:
        plant.schedule(clock.start + after, statement)
    return plant


async def serve(options, plant):
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    links = [(TcpLink if kind == "tcp" else RtuLink)(name, plant) for name, kind in LINKS.items()]
    control = Control(options.control, plant, links)
    await control.start()
    places = {link.name: await link.start() for link in links}
    write_ready(options.ready, {"links": places, "control": options.control, "pid": os.getpid()})
    while not stopped.is_set():
        plant.snapshot()
        try:
            await asyncio.wait_for(stopped.wait(), plant.until_next(LONGEST_REST))
        except asyncio.TimeoutError:
            pass
    os.unlink(options.ready)
    control.stop()
    for link in links:
        link.stop()


def main():
    options = arguments()
    try:
        asyncio.run(serve(options, make_plant(options)))
    except OSError as error:
        fail([f"plant.py: {error}"])


if __name__ == "__main__":
    main()
