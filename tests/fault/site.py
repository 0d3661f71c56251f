"""A site for fault tests: the plant, a broker, emisd and the bureau's reference consumer, each in its own process."""

import signal
import sqlite3
import subprocess
from datetime import datetime, timedelta

from tests.fault.checker import check_all, read_only
from tests.support.consumer import Consumer
from tests.support.rig import Broker, Plant, Rig, replace_section, site_conf, wait_for

# The broker drops no messages for a subscriber that is away. The number is not 0, which means no limit: with 0 Mosquitto
# 2.0.11 ends the connection of a client that publishes a message which its access list refuses.
KEEP_ALL = "max_queued_messages 1000000\n"
# The consumer asks for missing numbers at once, so that the tests need less time than a real bureau.
HASTY = ("--patience", "1", "--pace", "1", "--tries", "60")


def multiply(text, outlet, n):
    """The configuration with one outlet n times, fed by the same instruments, so that there are n times the alarms."""
    begin = text.index(f'{{ id = "{outlet}";')
    end = text.index("); }", begin) + 4
    one = text[begin:end]
    copies = [one.replace(f'"{outlet}"', f'"{outlet}-{i}"') for i in range(1, n)]
    return text[:end] + "".join(",\n" + copy for copy in copies) + text[end:]


def lighter(text):
    """The example with only the gas analyser of the sinter stack. With a clock several hundred times as fast, there must be
    enough readings for each hour even on a busy machine and under a sanitizer.
    """
    for section, name in (("links", "bus1"), ("instruments", "gas")):
        begin = text.index(f"\n{section} = (")
        row, = [line for line in text[begin:text.index("\n);", begin)].splitlines() if f'{{ name = "{name}"' in line]
        text = replace_section(text, section, "(\n" + row.rstrip(",") + "\n)")
    begin = text.index('{ id = "DA001";')
    lines = text[begin:text.index("); }", begin)].splitlines()
    points = [line.rstrip().rstrip(",") for line in lines if 'from = "gas.' in line]
    head = [line for line in lines if "factor = " not in line]
    return replace_section(text, "outlets", "(\n" + "\n".join(head[:-1]) + "\n" + ",\n".join(points) + "\n\t); }\n)")


HOUR_S = 3600


class Site(Rig):
    """`truth` is what the plant does. `mqtt` holds further settings of emisd's mqtt group in addition to the broker. `outlets`
    is the number of copies of the outlet to which the truth belongs. `light` leaves out the other outlets.
    """

    def __init__(self, folder, truth, scale=360.0, poll="4s", broker=KEEP_ALL, mqtt="", consumer=HASTY, outlets=1,
                 light=True, **options):
        super().__init__(folder, scale=scale, start=truth.start.isoformat(), poll=poll, **options)
        self.truth = truth
        self.outlets = outlets
        self.light = light
        self.broker_conf = broker
        self.consumer_options = consumer
        self.mqtt_conf = mqtt
        self.consumer = None
        self.began = None  # when emisd ran for the first time; it cannot know what was before

    def start_emisd(self, wait=True):
        super().start_emisd(wait)
        self.began = self.began or self.at(self.now())

    def start_surroundings(self):
        want = self.wanted
        scenario = self.folder / "scenario.txt"
        scenario.write_text("\n".join(self.truth.statements()) + "\n")
        self.plant = Plant(self.folder, self.scale, self.start, self.anchor, scenario)
        self.start_bureau()
        text = site_conf(self.folder, self.plant.links, self.broker.port, want["judging"], want["poll"])
        text = lighter(text) if self.light else text
        text = multiply(replace_section(text, "mqtt", self.mqtt_section()), "DA001", self.outlets)
        self.conf.write_text(want["edit"](text) if want["edit"] else text)

    def start_bureau(self):
        self.broker = Broker(self.folder, extra=self.broker_conf)
        self.start_consumer()

    def mqtt_section(self):
        return f'{{ broker = "mqtt://127.0.0.1:{self.broker.port}"; {self.mqtt_conf} }}'

    def start_consumer(self):
        self.consumer = Consumer(self.folder, self.broker.port, *self.consumer_options)

    def restart_broker(self, wait=False):
        """Starts the broker again. `wait` waits until the bureau has subscribed again, which a broker without persistence has
        forgotten."""
        subscribed = self.consumer.text().count("subscribed")
        self.broker = Broker(self.folder, self.broker.port, extra=self.broker_conf)
        if wait:
            wait_for(lambda: self.consumer.text().count("subscribed") > subscribed, what="the bureau's return")

    def stop(self):
        """Stops all processes, even if one does not end: this is an error, raised after the others have been stopped."""
        stuck = None
        for process in (self.consumer, self.emisd, self.plant, self.broker):
            try:
                if process and process.running():
                    process.stop()
            except subprocess.TimeoutExpired as error:
                stuck = stuck or error
        if stuck:
            raise stuck

    def __exit__(self, kind, *_):
        self.stop()
        said = self.emisd.text() if self.emisd else ""
        if kind:
            print(f"--- emisd\n{said[-20000:]}\n--- consumer\n{self.consumer.text()[-4000:] if self.consumer else ''}")
        else:
            assert "Sanitizer" not in said and "Traceback" not in self.consumer.text(), said

    # ---- waiting

    def outbox(self):
        return self.ask("status")["outbox"][0]

    def events(self):
        """The number of events that the box has stored."""
        with read_only(self.folder / "data/state.db") as db:
            return db.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()[0]

    def checkpoints(self):
        """The number of checkpoints that the box has stored."""
        with read_only(self.folder / "data/state.db") as db:
            return db.execute("SELECT count(*) FROM outbox WHERE stream='checkpoint'").fetchone()[0]

    def all_checkpoints_arrived(self):
        return len(self.consumer.rows("SELECT DISTINCT number FROM checkpoint")) >= self.checkpoints()

    def judged_until(self):
        """The time up to which the box has judged, as a datetime."""
        try:
            with read_only(self.folder / "data/state.db") as db:
                row = db.execute("SELECT value FROM meta WHERE key='judged_until_ms'").fetchone()
        except sqlite3.OperationalError:
            return self.truth.start
        return datetime.fromtimestamp(int(row[0]) / 1000, self.truth.start.tzinfo) if row else self.truth.start

    def at(self, wall):
        """The datetime of a wall-clock time of the first day, or of a number of seconds after the start."""
        if isinstance(wall, str):
            return datetime.fromisoformat(self.start[:11] + wall + self.start[19:])
        return self.truth.start + timedelta(seconds=wall)

    def wait_judged(self, until, seconds=None):
        limit = seconds or max((until.timestamp() - self.clock()) / self.scale, 0) + 60
        wait_for(lambda: self.judged_until() >= until, limit, f"the judgement up to {until}")

    def stop_emisd(self):
        status = self.emisd.stop()
        assert status == 0, f"emisd ended with {status}: {self.emisd.text()[-2000:]}"

    def settle(self, seconds=60):
        """Waits until all stored messages are delivered, and stops emisd."""
        for _ in range(20):
            wait_for(lambda: self.answers() and self.outbox()["pending"] == 0, seconds, "the empty outbox")
            self.stop_emisd()
            with read_only(self.folder / "data/state.db") as db:
                pending, = db.execute("SELECT count(*) FROM outbox WHERE state=0").fetchone()
                events, = db.execute("SELECT count(*) FROM event").fetchone()
            if not pending:
                break
            self.start_emisd()
        assert not pending, "something is always on its way"
        return events

    def check(self, until, **options):
        """Waits until the box has judged up to `until`, compares the records and returns the figures."""
        self.wait_judged(until)
        for _ in range(20):
            # The bureau asks for messages that the broker lost, and only a running emisd can answer.
            wait_for(lambda: len(self.consumer.seqs()) >= self.events(), 120, "all events at the bureau")
            # The bureau notices with the next checkpoint, an hour later, that a broker lost the one before.
            wait_for(self.all_checkpoints_arrived, HOUR_S / self.scale + 120, "all checkpoints at the bureau")
            events = self.settle()
            try:
                wait_for(lambda: len(self.consumer.seqs()) >= events, 3, "the last events at the bureau")
                break
            except AssertionError:
                self.start_emisd()
        return check_all(self.folder / "data", self.consumer, self.truth, (self.began, until), self.outlets,
                         **options)

    def kill(self, who):
        """Sends kill -9 to "emisd", "broker" or "consumer"."""
        getattr(self, who).stop(signal.SIGKILL)
