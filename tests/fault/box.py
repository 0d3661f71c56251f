"""emisd with a private broker and the bureau, on a store that another program made: without a plant, and without waiting
for an hour to pass."""

import json
import subprocess
import time

from tests.fault import preload
from tests.support.rig import ROOT, Broker, Bureau, Process, Rig, build_dir, site_conf, wait_for

EMISD = build_dir() / "daemon/emisd"
PREPARE = preload.SHIMS / "publish_driver"
LINKS = {name: {"type": "tcp", "host": "127.0.0.1", "port": port}  # the links of the example; no instrument answers there
         for port, name in enumerate(("bus1", "plc", "voc", "bus2"), 1)}
SITE = "anyang-steel-01"
EXCEEDANCE = f"{SITE}/DA001/so2/period-mean/steel.sinter.ultra-low.so2/20260302T000000Z"


class Box(Rig):
    """The store ends at 08:58, in an hour far above its limit, and holds messages that the bureau has not received yet.
    emisd starts at `start`. `env` is the environment of the next emisd."""

    def __init__(self, folder, start="2026-03-02T08:59:40+08:00", scale=60.0):
        super().__init__(folder, scale=scale, start=start)
        self.data = self.folder / "data"
        self.env = None

    def start_surroundings(self):
        self.broker = Broker(self.folder)
        self.bureau = Bureau(self.broker.port)
        self.conf.write_text(site_conf(self.folder, LINKS, self.broker.port))
        subprocess.run([PREPARE, "prepare", self.conf, ROOT / "config", self.data], check=True, capture_output=True)

    def __enter__(self):
        try:
            self.start_surroundings()
        except BaseException:
            self.stop()
            raise
        return self

    def start_emisd(self, wait=True):
        if self.emisd is None:
            self.anchor = time.time()
        self.emisd = Process([EMISD, "--config", self.conf, "--share", ROOT / "config", "--time-scale", self.scale,
                              "--time-start", self.start, "--time-anchor", repr(self.anchor)], self.folder / "emisd.log",
                             self.env)
        if wait:
            wait_for(self.answers, what="emisd's control socket")

    def facts(self):
        """{(alarm id, event, start of the period): the numbers of the messages that reported it}"""
        told = {}
        for alarm in self.bureau.alarms():
            fact = json.dumps([alarm["alarm_id"], alarm["event"], alarm["period"] and alarm["period"]["start"]])
            told.setdefault(fact, set()).add(alarm["seq"])
        return told
