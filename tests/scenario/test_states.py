"""Retained states of a large site: all of them arrive, also after a reconnect, and no alarm waits for them."""

import threading
import time

from tests.support.device import Device
from tests.support.raw_broker import RawBroker
from tests.support.rig import ROOT, START, Process, build_dir, wait_for

OUTLETS = 160
FACTORS = ("so2", "nox", "no", "o2", "co", "hcl", "pm", "nmhc")
STATES = OUTLETS * len(FACTORS)  # more than the thousand messages that the library's queue holds
AT_ONCE = 8


def profile():
    channels = ",\n".join(f'{{ name = "{f}"; function = 3; address = {i}; type = "u16"; unit = "{"%" if f == "o2" else "mg/m3"}"; '
                          f'min = 0.0; max = 60000.0; }}' for i, f in enumerate(FACTORS))
    return ('profile = { name = "many"; maker = "x"; model = "y"; source = "test"; confidence = "test"; '
            f'addresses = "wire"; }};\nchannels = ( {channels} );\n')


def conf(folder, device_port, dead_port, broker_port):
    """A configuration in which only the instrument of the first outlet does not answer."""
    outlets = ",\n".join(
        f'{{ id = "DA{o:03d}"; name = "stack {o}"; medium = "gas"; sector = "steel.sinter-head"; tiers = [ "ultra-low" ];\n'
        "  points = ( " + ", ".join(f'{{ factor = "{f}"; from = "{"dead" if o == 0 else "gas"}.{f}"; }}'
                                    for f in FACTORS) + " ); }" for o in range(OUTLETS))
    links = ", ".join(f'{{ name = "{name}"; type = "tcp"; host = "127.0.0.1"; port = {port}; timeout = "200ms"; }}'
                      for name, port in (("good", device_port), ("bad", dead_port)))
    return f'''site = {{ id = "many"; name = "many"; timezone = "Asia/Shanghai"; }};
links = ( {links} );
instruments = ( {{ name = "gas"; link = "good"; unit = 1; profile = "many"; poll = "2s"; }},
	{{ name = "dead"; link = "bad"; unit = 1; profile = "many"; poll = "2s"; }} );
outlets = ( {outlets} );
judging = {{ grace = "10s"; }};
mqtt = {{ broker = "mqtt://127.0.0.1:{broker_port}"; means = [ ]; }};
store = {{ path = "{folder}/data"; batch = "1s"; }};
control = {{ socket = "{folder}/ctl.sock"; }};
simulation = true;
'''


def states(broker):
    with broker.lock:
        return {topic for topic, _ in broker.taken if topic.endswith("/state")}


def test_all_states_arrive_and_an_alarm_passes_them(tmp_path):
    got_alarm = threading.Event()
    unanswered = []

    def puback(topic, _payload):
        if topic.endswith("/alarm"):
            got_alarm.set()
        if topic.endswith("/state") and not got_alarm.is_set():
            unanswered.append(topic)
            return None  # the broker does not acknowledge states before it has got an alarm
        return 0

    broker, device = RawBroker(puback=puback), Device({i: 16 if f == "o2" else 1 for i, f in enumerate(FACTORS)})
    share = tmp_path / "etc"
    (share / "profiles.d").mkdir(parents=True)
    (share / "profiles.d/many.conf").write_text(profile())
    (share / "emisd.conf").write_text(conf(tmp_path, device.port, 1, broker.port))
    emisd = Process([build_dir() / "daemon/emisd", "--config", share / "emisd.conf", "--share", ROOT / "config",
                     "--time-scale", "60", "--time-start", START, "--time-anchor", repr(time.time())],
                    tmp_path / "emisd.log")
    try:
        wait_for(lambda: got_alarm.is_set() or not emisd.running(), 90, "an alarm in spite of the states")
        assert emisd.running(), emisd.text()
        assert len(unanswered) == AT_ONCE, "so many are on their way, and no more"
        broker.hang_up()  # the states that were not acknowledged are sent again
        wait_for(lambda: len(states(broker)) == STATES, 120, "all states")
        with broker.lock:
            broker.taken.clear()
        broker.hang_up()
        wait_for(lambda: len(states(broker)) == STATES, 120, "all states after a reconnect")
    finally:
        if emisd.running():
            emisd.stop()
        broker.stop()
        device.stop()
    assert "Sanitizer" not in emisd.text()
    assert "not published" not in emisd.text()


def test_states_that_cannot_go_are_told(make_rig):
    rig = make_rig(scale=60, mqtt_extra="max_packet_size 450\n")
    wait_for(lambda: "states are not published" in rig.emisd.text(), 60, "the word about them")
    assert "the broker takes at most 450" in rig.emisd.text()
