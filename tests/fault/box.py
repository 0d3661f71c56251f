"""emisd with a private broker and the bureau, from a store that another program made: no plant, and no hour to wait for."""

import json
import subprocess
import time

from tests.fault import preload
from tests.support.rig import ROOT, Broker, Bureau, Process, Rig, build_dir, site_conf, wait_for

EMISD = build_dir() / "daemon/emisd"
PREPARE = preload.SHIMS / "publish_driver"
LINKS = {name: {"type": "tcp", "host": "127.0.0.1", "port": port}  # of the example; nobody answers there
         for port, name in enumerate(("bus1", "plc", "voc", "bus2"), 1)}
SITE = "anyang-steel-01"
EXCEEDANCE = f"{SITE}/DA001/so2/period-mean/steel.sinter.ultra-low.so2/20260302T000000Z"


class Box(Rig):
    """`env` is the environment of the next emisd. The store ends at 08:58 of an hour far above its limit, and holds
    messages that the bureau has not got yet; emisd starts at `start`."""

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
        """{(alarm id, event, start of the period): the numbers that told it}"""
        told = {}
        for alarm in self.bureau.alarms():
            fact = json.dumps([alarm["alarm_id"], alarm["event"], alarm["period"] and alarm["period"]["start"]])
            told.setdefault(fact, set()).add(alarm["seq"])
        return told
