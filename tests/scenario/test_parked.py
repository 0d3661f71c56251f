"""A message that is too large for the broker is reported with its reason and never delays the others. If the broker
announces its limit, the message waits for a connection that allows it; if the broker only hangs up, the message is parked."""

import signal

import pytest

from tests.support.rig import Broker, wait_for

SMALL = "max_packet_size 800\n"  # an alarm event is larger, an alarm about the box itself is smaller


def parked(rig):
    return rig.ask("outbox")["parked"]


@pytest.mark.parametrize("version,words,rule", [
    ("5", "the broker takes at most 800", "messages-wait"),  # the broker announces its limit
    ("3.1.1", "ends the connection whenever this message is sent", "message-parked"),  # the broker only hangs up
])
def test_too_large_messages_are_set_aside_and_the_rest_flows(make_rig, version, words, rule):
    rig = make_rig(scale=60, start="2026-03-02T08:05:00+08:00", mqtt_extra=SMALL, plant=["hold so2 120"],
                   judging="warning_minutes = 1;", edit=lambda text: text.replace("mqtt = { ", f'mqtt = {{ version = "{version}"; '))
    row = wait_for(lambda: parked(rig), 90, "the parked message")[0]
    assert words in row["reason"] and row["stream"] == "alarm" and row["bytes"] > 700
    told = wait_for(lambda: [a for a in rig.bureau.alarms() if a["rule"] == rule], 60, "the report")[0]
    assert told["event"] == "raised" and words in told["words"]
    assert "emisctl outbox" in told["words"]
    # The broker gets a configuration without the limit.
    rig.broker.stop(signal.SIGTERM)
    rig.broker = Broker(rig.folder, rig.broker.port)
    wait_for(lambda: rig.ask("status")["outbox"][0]["state"] == "connected", 60, "the connection")
    rig.ask("release")  # only for parked messages; a waiting message is sent without it
    wait_for(lambda: rig.ask("status")["outbox"][0]["pending"] == 0 and not parked(rig), 60, "all of them")
    newest = rig.bureau.all("/online")[-1]["seq"]
    wait_for(lambda: {a["seq"] for a in rig.bureau.alarms()} >= set(range(1, newest + 1)), 30, "every number")
    assert [a for a in rig.ask("audit")["audit"] if a["what"] == "release parked messages"]
    # What ends by itself is over. What happened is over when an operator has seen it; a restart does not repeat it.
    if rule == "message-parked":
        rig.emisd.stop()
        rig.start_emisd()
        assert [a["state"] for a in rig.ask("alarms")["alarms"] if a["rule"] == rule] == ["raised"]
        rig.ask("ack", argument=told["alarm_id"])
    wait_for(lambda: rig.bureau.alarms(rule=rule, event="cleared"), 60, "its end")
    assert len(rig.bureau.alarms(rule=rule, event="raised")) == 1
