"""The network fails silently, in one direction or in both, or its name server does not answer."""

import os

import pytest

from tests.fault.checker import HOUR, Truth, random_truth
from tests.fault.cut import FarSide
from tests.fault.preload import environment
from tests.fault.site import KEEP_ALL, Site
from tests.support.consumer import Consumer
from tests.support.rig import ROOT, Process, build_dir, wait_for
from tests.support.schedule import runs, schedule

START = "2026-03-02T07:50:00+08:00"
FIRST = 600
SCALE = 240.0
KEEPALIVE = 10
SLACK = 2  # seconds more, on a machine that has other work
EMISD = build_dir() / "daemon/emisd"


class FarBroker(Process):
    """Mosquitto in the separate network, which only the test uses."""

    port = 1883

    def __init__(self, folder, far_side):
        conf = folder / "mosquitto.conf"
        conf.write_text(f"listener {self.port}\nallow_anonymous true\nuser root\nlog_type error\nlog_type warning\n"
                        f"{KEEP_ALL}")
        super().__init__([*far_side.enter, "/usr/sbin/mosquitto", "-c", conf], folder / "mosquitto.log")


class FarSite(Site):
    """A site whose broker and bureau are at the other end of the cable."""

    def __init__(self, folder, truth, far_side, **options):
        super().__init__(folder, truth, SCALE, mqtt=f'keepalive = "{KEEPALIVE}s";', **options)
        self.far_side = far_side

    def start_bureau(self):
        self.broker = FarBroker(self.folder, self.far_side)

        def subscribed():
            try:
                self.consumer = Consumer(self.folder, FarBroker.port, *self.consumer_options, prefix=self.far_side.enter)
                return True
            except AssertionError:
                return False
        wait_for(subscribed, 60, "the bureau at the other side")

    def mqtt_section(self):
        return f'{{ broker = "mqtt://{self.far_side.far}:{FarBroker.port}"; {self.mqtt_conf} }}'


def noticing(site):
    """Waits until emisd has noticed that the connection is dead; returns a text that says how long this took."""
    began = site.now()
    wait_for(lambda: site.outbox()["state"] != "connected", 90, "the word that the line is dead")
    seconds = (site.now() - began) / SCALE
    assert seconds <= KEEPALIVE + SLACK
    return f"noticed after {seconds:.1f} s with a keepalive of {KEEPALIVE} s: {site.outbox()['error']}"


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a network namespace")
def test_a_silent_cut_of_an_idle_line_is_noticed(tmp_path):
    far_side = FarSide()
    try:
        with FarSite(tmp_path, Truth(START, [(0, 20.0)]), far_side) as site:
            for how in (("drop", "drop"), ("drop", "accept"), ("accept", "drop")):
                wait_for(lambda: site.outbox()["state"] == "connected" and site.outbox()["pending"] == 0, 60,
                         "the connection, and nothing on its way")
                far_side.cut(*how)
                print(f"idle, to the broker {how[0]}, back {how[1]}: {noticing(site)}")
                far_side.join()
    finally:
        far_side.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a network namespace")
def test_a_silent_cut_is_noticed_and_what_it_swallowed_comes_once(tmp_path):
    rng = schedule("silent cuts")
    cuts = runs(1, 8)
    far_side = FarSide()
    try:
        truth = Truth(START, [(0, 120.0)]) if cuts == 1 else random_truth(rng, START, 4 * cuts)
        with FarSite(tmp_path, truth, far_side, outlets=4) as site:
            for i in range(cuts):
                wait_for(lambda: site.outbox()["state"] == "connected", 60, "the connection")
                # The cable is cut just before an hour is judged, so that its messages are on their way.
                edge = FIRST + HOUR * (1 + int(max(site.now() - FIRST, 0) // HOUR))
                moment = edge + rng.uniform(25, 45)
                wait_for(lambda m=moment: site.now() >= m, HOUR / SCALE + 10, "the moment")
                how = rng.choice([("drop", "drop"), ("drop", "accept"), ("accept", "drop")])
                far_side.cut(*how)
                print(f"cut {i + 1}: to the broker {how[0]}, back {how[1]}: {noticing(site)}")
                assert site.point("DA001", "so2")["flag"] == "N", "reading goes on"
                far_side.join()
            books = site.check(site.at(FIRST + HOUR * int((site.now() - FIRST) // HOUR)))
            print(f"silent cuts: {cuts}: {books}")
    finally:
        far_side.close()
    assert not os.path.exists(f"/sys/class/net/{far_side.cable}")


class SlowNames(Site):
    """A site whose broker is given by its name, with a slow name server."""

    def __init__(self, folder, delay_ms, **options):
        super().__init__(folder, Truth(START, [(0, 120.0)]), SCALE, judging="warning_minutes = 1;", **options)
        self.environment = environment(EMISD, "slow_dns.so", SLOW_DNS_MS=delay_ms)

    def mqtt_section(self):
        return f'{{ broker = "mqtt://localhost:{self.broker.port}"; }}'

    def another_emisd(self, folder):
        return Process([EMISD, "--config", folder / "emisd.conf", "--share", ROOT / "config", "--time-scale", self.scale,
                        "--time-start", self.start, "--time-anchor", repr(self.anchor)], folder / "emisd.log",
                       self.environment)


def test_a_slow_name_server_holds_up_the_broker_and_nothing_else(tmp_path):
    delay_ms = 5000
    with SlowNames(tmp_path, delay_ms) as site:
        answers = 0
        longest = 0.0
        while (status := site.ask("status"))["outbox"][0]["state"] == "connecting":
            asked = site.now()
            site.ask("alarms")
            longest = max(longest, (site.now() - asked) / SCALE)
            answers += 1
        print(f"{answers} answers while the name was looked up, the slowest after {longest * 1000:.0f} ms")
        assert answers >= 10, "status is answered meanwhile"
        assert status["outbox"][0]["state"] == "connected", status
        assert site.events() > 0, "a warning was raised meanwhile: the instruments were read"
        wait_for(lambda: len(site.consumer.seqs()) >= 1, what="an alarm at the bureau")
