"""The broker is gone for a week while the plant causes as many alarms as possible: no message is lost, memory does not grow,
and new messages do not wait behind old ones."""

from tests.fault.checker import HOUR, Truth, read_only
from tests.fault.site import Site, multiply
from tests.support.rig import replace_section, wait_for
from tests.support.schedule import runs, schedule

START = "2026-03-02T07:58:00+08:00"
FIRST = 120
CALM, BAD = 20.0, 400.0  # ppm of the chromatograph
WINDOW = 20
# The limit of 60 mg/m3, in ppm. Both values above are far from it, so the exact factor of the conversion does not matter.
LIMITS = {"coatings-inks.process.special.nmhc": 110.0}


def restless(rng, start, hours):
    """A Truth in which most hours go up and down every ten minutes: each change raises or clears a warning."""
    changes = [(0, CALM)]
    for hour in range(hours):
        bad = hour == 0 or rng.random() < 0.8
        for tenth in range(6):
            changes.append((FIRST + hour * HOUR + tenth * 600, BAD if bad and tenth % 2 == 0 else CALM))
    return Truth(start, changes, "nmhc", LIMITS)


def only_the_coating_line(outlets):
    """An edit that leaves one fast instrument, which feeds many outlets, so that polling does not limit the simulation."""
    def edit(text):
        for section in ("links", "instruments"):
            begin = text.index(f"\n{section} = (")
            end = text.index("\n);", begin)
            name = "voc" if section == "links" else "gc"
            line, = [row for row in text[begin:end].splitlines() if f'name = "{name}"' in row]
            text = replace_section(text, section, "(\n" + line.rstrip(",") + "\n)")
        begin = text.index('{ id = "DA002";')
        one = text[begin:text.index("); }", begin) + 4]
        return multiply(replace_section(text, "outlets", f"(\n{one}\n)"), "DA002", outlets)
    return edit


def worst_wait(folder, since):
    """The largest number of old messages that were acknowledged while a new message waited; and the number of new messages
    before all old ones were acknowledged. A message is old if it existed at the first acknowledgement after `since`."""
    with read_only(folder / "state.db") as db:
        first, = db.execute("SELECT min(ended_ms) FROM outbox WHERE ended_ms>=?", (since,)).fetchone()
        newest, = db.execute("SELECT max(id) FROM outbox WHERE created_ms<=?", (first,)).fetchone()
        old_end, = db.execute("SELECT max(ended_ms) FROM outbox WHERE id<=? AND ended_ms>=?", (newest, since)).fetchone()
        new = db.execute("SELECT created_ms, ended_ms FROM outbox WHERE id>? AND created_ms<=?",
                         (newest, old_end)).fetchall()
        waits = [db.execute("SELECT count(*) FROM outbox WHERE id<=? AND ended_ms>? AND ended_ms<?",
                            (newest, created, ended)).fetchone()[0] for created, ended in new]
    return max(waits, default=0), len(waits)


def test_a_broker_that_is_gone_for_long(tmp_path, memory):
    rng = schedule("outage")
    hours, scale, outlets = runs((2, 720.0, 10), (168, 1000.0, 16))
    truth = restless(rng, START, hours + 2)
    with Site(tmp_path, truth, scale, poll="3s", light=False, edit=only_the_coating_line(outlets),
              consumer=("--patience", "15", "--pace", "10", "--tries", "60")) as site:
        site.outlets = outlets
        wait_for(lambda: (n := len(site.consumer.seqs())) and n == site.events(), what="the first alarms")
        before = memory(site)
        site.kill("broker")
        site.wait_judged(site.at(FIRST + hours * HOUR))
        after, peak = memory(site), memory(site, "VmHWM")
        waiting = site.outbox()["pending"]
        print(f"outage: {hours} h, {waiting} messages wait; memory {before} KiB before, {after} after, at most {peak}")
        assert after - before < 16 * 1024, "what waits is on disk"
        site.kill("emisd")  # the box loses power; also, a running emisd might wait 5 min until it connects again
        site.restart_broker(wait=True)
        connected, newest = site.clock() * 1000, site.events()
        site.start_emisd()
        began = site.now()
        wait_for(lambda: site.outbox()["pending"] < WINDOW, 300, "the drained outbox")
        seconds = (site.now() - began) / scale
        print(f"outage: drained in {seconds:.1f} s, {waiting / seconds:.0f} messages a second")
        books = site.check(site.at(FIRST + hours * HOUR))
        print(f"outage: {books}, {site.consumer.text().count(': asked for ')} requests for a resend")
        most, live = worst_wait(site.folder / "data", connected)
        print(f"outage: {live} new messages came up meanwhile and let at most {most} old ones go first")
        assert most <= 10 * WINDOW
        arrived = [row["seq"] for row in site.consumer.rows("SELECT seq FROM alarm WHERE seq<=? ORDER BY received, seq",
                                                            newest)]
        assert arrived == sorted(arrived), "the old ones in the order of their making"
