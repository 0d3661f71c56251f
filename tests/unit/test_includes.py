"""Who may include whom: the directions of the architecture, and one door for each outside library.

Run by meson with the source folder: it prints each offence and fails. `--self-test` shows that it can fail.
"""

import re
import sys
from pathlib import Path

LIBC = {"assert", "ctype", "errno", "inttypes", "math", "stdarg", "stdbool", "stddef", "stdint", "stdio", "stdlib",
        "string", "time", "wchar"}
ALLOWED = {
    "common": {"common"},
    "core": {"core", "common/array.h", "common/exact.h", "common/num.h", "common/text.h", "common/time.h"},
    "drivers": {"core", "drivers", "common/array.h", "common/num.h", "common/time.h"},
    "daemon": {"daemon", "drivers", "core", "common"},
    "cli": {"cli", "common"},
}
DOORS = {
    "modbus.h": r"daemon/bus\.c",
    "sqlite3.h": r"daemon/store\w*\.c",
    "sodium.h": r"daemon/proof\.c",
    "zlib.h": r"daemon/store\w*\.c",
    "openssl/err.h": r"daemon/tls_look\.c",
    "openssl/ssl.h": r"daemon/tls_look\.c",
    "openssl/x509v3.h": r"daemon/tls_look\.c",
    "MQTTAsync.h": r"daemon/out_mqtt\w*\.[ch]",
    "libconfig.h": r"daemon/conf\.c",
    "systemd/sd-event.h": r"daemon/loop\.c",
    "systemd/sd-daemon.h": r"daemon/notify\.c",
    "jansson.h": r"daemon/(backtest_print|json_text|message|message_data|message_json|resend|ctl|ctl_\w+)\.[ch]|cli/\w+\.[ch]",
}
PURE = {"core", "drivers"}


def offence(path, include):
    """Why the file may not include this, or None. include is '"common/log.h"' or '<stdio.h>'."""
    folder, name = path.split("/")[0], include[1:-1]
    if include[0] == '"':
        allowed = ALLOWED[folder]
        if name not in allowed and name.split("/")[0] not in allowed:
            return f"{folder}/ may not include {name}"
        return None
    if name in DOORS:
        return None if re.fullmatch(DOORS[name], path) else f"the door of {name} is {DOORS[name]}"
    if folder in PURE and name.removesuffix(".h") not in LIBC:
        return f"{folder}/ is pure and may not include <{name}>"
    return None


def check(root):
    for folder in ALLOWED:
        for path in sorted((root / folder).glob("*.[ch]")):
            relative = f"{folder}/{path.name}"
            for number, line in enumerate(path.read_text().splitlines(), 1):
                found = re.match(r'\s*#\s*include\s*(<[^>]+>|"[^"]+")', line)
                why = found and offence(relative, found[1])
                if why:
                    yield f"{relative}:{number}: {why}"


def self_test():
    bad = [("core/mean.c", '"daemon/store.h"'), ("core/mean.c", '"common/log.h"'), ("core/mean.c", "<unistd.h>"),
           ("common/num.c", '"core/flag.h"'), ("cli/main.c", '"daemon/site.h"'), ("cli/main.c", '"core/flag.h"'),
           ("daemon/outbox.c", "<MQTTAsync.h>"), ("daemon/daemon.c", "<sqlite3.h>"), ("daemon/link.h", "<modbus.h>")]
    good = [("core/mean.c", '"core/flag.h"'), ("core/time.c", '"common/time.h"'), ("core/mean.c", "<math.h>"),
            ("daemon/bus.c", "<modbus.h>"), ("daemon/store_raw.c", "<sqlite3.h>"), ("cli/client.c", "<jansson.h>")]
    return [f"{c} passes" for c in bad if not offence(*c)] + [f"{c} fails" for c in good if offence(*c)]


if __name__ == "__main__":
    faults = self_test() if sys.argv[1] == "--self-test" else list(check(Path(sys.argv[1])))
    print("\n".join(faults))
    sys.exit(1 if faults else 0)
