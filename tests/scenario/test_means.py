"""Means are published when their period closes, and means of an outage follow later; health messages are published, too."""

import signal
from datetime import datetime, timedelta

from tests.support.rig import wait_for


def with_means(text):
    return text.replace('mqtt = { ', 'mqtt = { means = [ "minute", "hour" ]; ')


def minutes_of(rig, outlet):
    """The start of each minute mean of the outlet that arrived, in order of arrival."""
    return [m["period"]["start"] for m in rig.bureau.all("/mean/minute") if m["outlet"] == outlet]


def starts(first, last):
    at, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
    while at <= end:
        yield at.isoformat()
        at += timedelta(minutes=1)


def value_of(message, factor, basis, o2_ref=None):
    return next(m for m in message["means"] if (m["factor"], m["basis"], m["o2_ref"]) == (factor, basis, o2_ref))


def test_every_minute_arrives_those_of_an_outage_after_the_new_ones(make_rig):
    rig = make_rig(scale=60, start="2026-03-02T08:48:00+08:00", poll="4s", plant=["hold so2 120"], edit=with_means)
    wait_for(lambda: minutes_of(rig, "DA001"), what="the first minute")
    rig.broker.stop(signal.SIGKILL)
    wait_for(lambda: rig.ask("status")["outbox"][0]["state"] == "waiting", what="the loss of the broker")
    rig.until("08:57:00")
    rig.restart_broker()
    hour = wait_for(lambda: [m for m in rig.bureau.all("/mean/hour") if m["outlet"] == "DA001"], 60, "the hour")[0]
    rig.until("09:03:30")
    first, last = minutes_of(rig, "DA001")[0], "2026-03-02T09:01:00+08:00"
    wait_for(lambda: set(starts(first, last)) <= set(minutes_of(rig, "DA001")), 30, "all minutes")
    # The means of the outage arrived after newer ones, and in their own order.
    arrived = [m for m in minutes_of(rig, "DA001") if "08:51" <= m[11:16] < "08:57"]
    assert arrived == sorted(arrived)
    assert hour["period"]["end"] == "2026-03-02T09:00:00+08:00"
    so2 = value_of(hour, "so2", "converted", 16.0)
    assert so2["flag"] in "ND" and so2["n_due"] == 60
    exceedance = [a for a in rig.bureau.alarms(class_="exceedance", factor="so2") if a["limit"]["o2_ref"] == 16.0]
    assert not exceedance or abs(exceedance[0]["value"] - so2["value"]) < 1e-6
    assert not rig.bureau.all("/mean/day")
    minute = next(m for m in rig.bureau.all("/mean/minute") if m["outlet"] == "DA001" and m["period"]["start"] == last)
    assert abs(value_of(minute, "so2", "converted", 16.0)["value"] - 120.0) < 0.01


def test_health_is_told_when_connected_and_then_again(make_rig):
    rig = make_rig(scale=60, edit=lambda text: text.replace('mqtt = { ', 'mqtt = { health = "1s"; '))
    first = wait_for(lambda: rig.bureau.all("/health"), what="the first word")[0]
    assert first["clock"] == "synchronized" and first["instruments"] == 8 and first["memory_kib"] > 1000
    rig.plant.do("silence all")
    wait_for(lambda: rig.bureau.all("/health")[-1]["silent"] == 8, what="the silence")
    assert rig.bureau.all("/health")[-1]["boot"] == first["boot"]
