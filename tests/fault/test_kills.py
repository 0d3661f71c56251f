"""emisd, the broker, or both are killed at random moments; the records of the plant, the box and the bureau still agree."""

import pytest

from tests.fault.checker import HOUR, random_truth
from tests.fault.site import KEEP_ALL, Site
from tests.support.rig import wait_for
from tests.support.schedule import LONG, runs, schedule

START = "2026-03-02T07:50:00+08:00"
SCALE = 240.0
FIRST = 600  # seconds from the start to the first whole hour
GRACE = 30
PERSISTENT = KEEP_ALL + "persistence true\nautosave_interval 1\npersistence_location "


def moments(rng, hours, per_hour):
    """Times of kills in seconds after the start: for each hour one kill while the hour is judged, when most data are written
    and sent, and the other kills at random times."""
    for hour in range(hours):
        edge = FIRST + hour * HOUR
        yield from sorted(rng.uniform(edge + 2 * GRACE, edge + HOUR - GRACE) for _ in range(per_hour - 1))
        yield edge + HOUR + GRACE + rng.uniform(-10, 40)


def wait_moment(site, at):
    wait_for(lambda: site.now() >= at or not site.emisd.running(), max(at - site.now(), 0) / SCALE + 10, "the moment")
    assert site.emisd.running(), "emisd ended by itself: " + site.emisd.text()[-2000:]


def test_emisd_killed_at_random_moments(tmp_path):
    rng = schedule("kills of emisd")
    kills, per_hour = runs((12, 6), (200, 5))
    hours = kills // per_hour
    with Site(tmp_path, random_truth(rng, START, hours), SCALE, outlets=4) as site:
        for at in moments(rng, hours, per_hour):
            wait_moment(site, at)
            site.kill("emisd")
            site.start_emisd()
        books = site.check(site.at(FIRST + hours * HOUR))
        print(f"kills of emisd: {kills}: {books}")


@pytest.mark.parametrize("victims,persistent", [
    (("broker",), False), (("broker",), True), (("emisd", "broker"), False), (("emisd", "broker"), True)]
    if LONG else [(("emisd", "broker"), False)], ids=lambda v: "-".join(v) if isinstance(v, tuple) else f"persistent={v}")
def test_the_broker_killed_at_random_moments(tmp_path, victims, persistent):
    """The bureau notices messages that the broker acknowledged and lost, and gets them on request."""
    name = f"kills of {' and '.join(victims)}, {'with' if persistent else 'without'} persistence"
    rng = schedule(name)
    kills, per_hour = runs((8, 4), (24, 4))
    hours = kills // per_hour
    conf = f"{PERSISTENT}{tmp_path}/\n" if persistent else KEEP_ALL
    with Site(tmp_path, random_truth(rng, START, hours), SCALE, broker=conf, outlets=4) as site:
        for at in moments(rng, hours, per_hour):
            wait_moment(site, at)
            order = rng.sample(victims, rng.randint(1, len(victims)))
            for who in order:
                site.kill(who)
            if "broker" in order:
                site.restart_broker()
            if "emisd" in order:
                site.start_emisd()
        books = site.check(site.at(FIRST + hours * HOUR))
        asked = site.consumer.text().count(": asked for ")
        print(f"{name}: {kills}: {books}, {asked} requests for a resend")
