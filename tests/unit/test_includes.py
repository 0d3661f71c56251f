"""Checks who may include whom. A room is a folder of sources. Includes between rooms go only in the allowed directions, each
outside library is included only in its rooms, and private headers are included only in their own room.

meson runs it with the source folder: it prints each offence and fails. `--self-test` shows that it can fail.
"""

import re
import sys
from pathlib import Path

LIBC = {"assert", "ctype", "errno", "inttypes", "math", "stdarg", "stdbool", "stddef", "stdint", "stdio", "stdlib",
        "string", "time", "wchar"}
PURE = {"core", "drivers"}
BELOW = ["common", "core", "drivers"]  # the rooms that every room of the daemon may include
# Each room, and the rooms or single headers that it may include. A subfolder is a separate room.
ALLOWED = {
    "common": ["common"],
    "core": ["core", "common/array.h", "common/exact.h", "common/num.h", "common/text.h", "common/time.h"],
    "drivers": ["core", "drivers", "common/array.h", "common/num.h", "common/time.h"],
    "cli": ["cli", "common"],
    "daemon/base": [*BELOW, "daemon/base"],
    "daemon/conf": [*BELOW, "daemon/base", "daemon/conf"],
    "daemon/modbus": [*BELOW, "daemon/base", "daemon/conf", "daemon/modbus"],
    "daemon/store/codec": [*BELOW, "daemon/store/codec"],
    "daemon/store": [*BELOW, "daemon/base", "daemon/conf", "daemon/store/codec", "daemon/store"],
    "daemon/mqtt": [*BELOW, "daemon/base", "daemon/conf", "daemon/store", "daemon/mqtt"],
    "daemon/tools": [*BELOW, "daemon/base", "daemon/conf", "daemon/modbus", "daemon/store", "daemon/tools"],
    "daemon/control": [*BELOW, "daemon/base", "daemon/conf", "daemon/modbus", "daemon/store", "daemon/mqtt",
                       "daemon/control", "daemon"],
    "daemon": [*BELOW, "daemon/base", "daemon/conf", "daemon/modbus", "daemon/store", "daemon/mqtt", "daemon"],
}
# Only main.c may also include the control socket and the tools.
ALSO = {"daemon/main.c": ["daemon/control", "daemon/tools"]}
# The only rooms that may include an outside library.
DOORS = {
    "MQTTAsync.h": ["daemon/mqtt"],
    "jansson.h": ["cli", "daemon/base", "daemon/control", "daemon/mqtt", "daemon/tools"],
    "libconfig.h": ["daemon/conf"],
    "modbus.h": ["daemon/modbus"],
    "openssl/err.h": ["daemon/mqtt"],
    "openssl/ssl.h": ["daemon/mqtt"],
    "openssl/x509v3.h": ["daemon/mqtt"],
    "sodium.h": ["daemon/store"],
    "sqlite3.h": ["daemon/store"],
    "systemd/sd-daemon.h": ["daemon/base"],
    "systemd/sd-event.h": ["daemon/base"],
    "zlib.h": ["daemon/store", "daemon/store/codec"],
}


def room_of(path):
    return path.rpartition("/")[0]


def offence(path, include):
    """The reason why the file may not include this, or None. `include` is '"common/log.h"' or '<stdio.h>'."""
    room, name = room_of(path), include[1:-1]
    if room not in ALLOWED:
        return f"{room}/ is not a room that tests/unit/test_includes.py knows"
    if include[0] == '"':
        if name.endswith("_internal.h"):
            return None if room_of(name) == room else f"{name} is private to {room_of(name)}/"
        allowed = ALLOWED[room] + ALSO.get(path, [])
        return None if name in allowed or room_of(name) in allowed else f"{room}/ may not include {name}"
    if name in DOORS:
        return None if room in DOORS[name] else f"only {', '.join(DOORS[name])} may include <{name}>"
    if room in PURE and name.removesuffix(".h") not in LIBC:
        return f"{room}/ is pure and may not include <{name}>"
    return None


def sources(root):
    for top in sorted({room.split("/")[0] for room in ALLOWED}):
        yield from sorted((root / top).rglob("*.[ch]"))


def check(root):
    for path in sources(root):
        relative = path.relative_to(root).as_posix()
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = re.match(r'\s*#\s*include\s*(<[^>]+>|"[^"]+")', line)
            why = found and offence(relative, found[1])
            if why:
                yield f"{relative}:{number}: {why}"


def self_test():
    bad = [("core/mean.c", '"daemon/store/store.h"'), ("core/mean.c", '"common/log.h"'), ("core/mean.c", "<unistd.h>"),
           ("common/num.c", '"core/flag.h"'), ("cli/main.c", '"daemon/conf/site.h"'), ("cli/main.c", '"core/flag.h"'),
           ("daemon/daemon.c", "<MQTTAsync.h>"), ("daemon/daemon.c", "<sqlite3.h>"), ("daemon/tools/probe.c", "<modbus.h>"),
           ("daemon/store/raw.c", '"daemon/mqtt/message.h"'),
           ("daemon/conf/conf.c", '"daemon/modbus/bus.h"'), ("daemon/base/loop.c", '"daemon/conf/site.h"'),
           ("daemon/mqtt/outbox.c", '"daemon/daemon.h"'), ("daemon/tools/probe.c", '"daemon/conf/conf_internal.h"'),
           ("daemon/daemon.c", '"daemon/control/control_socket.h"'), ("daemon/rooms/new.c", '"common/log.h"'),
           ("daemon/mqtt/outbox.c", '"daemon/store/codec/reading_codec.h"')]
    good = [("core/mean.c", '"core/flag.h"'), ("core/time.c", '"common/time.h"'), ("core/mean.c", "<math.h>"),
            ("daemon/modbus/bus.c", "<modbus.h>"), ("daemon/store/raw.c", "<sqlite3.h>"), ("cli/client.c", "<jansson.h>"),
            ("daemon/main.c", '"daemon/control/control_socket.h"'), ("daemon/control/commands.c", '"daemon/daemon.h"'),
            ("daemon/store/raw.c", '"daemon/store/codec/reading_codec.h"'),
            ("daemon/conf/conf_bind.c", '"daemon/conf/conf_internal.h"')]
    return [f"{c} passes" for c in bad if not offence(*c)] + [f"{c} fails" for c in good if offence(*c)]


if __name__ == "__main__":
    faults = self_test() if sys.argv[1] == "--self-test" else list(check(Path(sys.argv[1])))
    print("\n".join(faults))
    sys.exit(1 if faults else 0)
