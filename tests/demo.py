"""Shows the product at work, with explanations: a plant, a broker, emisd and the bureau on one machine.

The demo runs two hours and a quarter of a sinter plant in about 70 seconds. The exit status is 0 when the bureau got the
exceedance alarm and its clearing; otherwise the status is 1, and a sentence says what is missing. `./dev demo` runs it.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tests.support.rig import ROOT, START, Rig, build_dir, wait_for  # noqa: E402

SCALE = 120
SCENARIO = ROOT / "tests/plant/scenarios/demo.txt"
ULTRA_LOW = "steel.sinter.ultra-low.so2"


def tell(rig, who, words):
    at = datetime.fromisoformat(START) + timedelta(seconds=rig.now())
    print(f"{at:%H:%M:%S}  {who:<8} {words}", flush=True)


WARNINGS = {"approach": "has used {value:.1f}", "projected": "is heading for {value:.1f}",
            "certain": "cannot end below {value:.1f} any more:"}


def alarm_words(a):
    if a["outlet"] == "gateway":
        return f"{a['class']} {a['event']}: the gateway itself: {a['words']}"
    limit = a["limit"]
    name = f"{a['outlet']} {a['outlet_name']}, {a['name_en']}"
    if a["class"] == "condition":
        return f"{a['class']} {a['event']}: {name}: {a['rule']}"
    period = f"{a['period']['kind']} {a['period']['start'][11:16]}-{a['period']['end'][11:16]}"
    what = f"{a['value']:.1f} {a['unit']} in the {period}"
    if a["rule"] in WARNINGS:
        what = f"the {period} {WARNINGS[a['rule']].format(**a)} {a['unit']}" if a["event"] == "raised" else f"the {period} is over"
    reference = "" if limit["o2_ref"] is None else f" at {limit['o2_ref']:g} % O2"
    return (f"{a['class']} {a['event']}: {name}: {what}, limit {limit['max']:g}{reference} "
            f"({limit['document']}, {limit['tier']})")


def show_status(rig):
    print(flush=True)
    emisctl = build_dir() / "cli/emisctl"
    subprocess.run([emisctl, "--socket", rig.folder / "ctl.sock", "--lang", "en", "status"], check=True)
    print(flush=True)


def tell_readings(rig):
    so2, pm, nmhc, cod = (wait_for(lambda o=o, f=f: (p := rig.point(o, f))["raw"] is not None and p,
                                   what=f"a reading of {f}")
                          for o, f in (("DA001", "so2"), ("DA001", "pm"), ("DA002", "nmhc"), ("DW001", "cod")))
    tell(rig, "emisd", f"reads SO2 {so2['raw']:.1f} mg/m3, which is {so2['converted']:.1f} at 16 % O2 "
                       f"(limit {so2['limit_max']:g})")
    tell(rig, "emisd", f"reads particulates {pm['raw']:.1f} mg/m3 in wet hot gas, {pm['converted']:.1f} at dry standard "
                       f"state and 16 % O2 (limit {pm['limit_max']:g})")
    tell(rig, "emisd", f"reads NMHC {nmhc['raw']:.1f} mg/m3 (limit {nmhc['limit_max']:g}), "
                       f"COD {cod['raw']:.1f} mg/L (limit {cod['limit_max']:g})")


def story(rig):
    print(f"One hour of the plant takes {3600 // SCALE} seconds. Times are the plant's.\n", flush=True)
    tell(rig, "", "a sinter stack, a coating line and a wastewater outlet are being polled over Modbus RTU and TCP")
    tell_readings(rig)
    rig.until("08:04:00")
    tell(rig, "plant", "the desulphurisation trips: SO2 rises to 120 mg/m3")
    rig.until("08:25:00")
    tell(rig, "operator", "asks: emisctl status")
    show_status(rig)
    rig.until("08:40:00")
    tell(rig, "plant", "the desulphurisation runs again; the hour so far is spoilt all the same")
    wait_for(lambda: exceedances(rig, "raised"), 30, "the exceedance alarm at the bureau")
    rig.until("09:08:00")
    tell(rig, "plant", "the gas analyser is calibrated: it shows span gas of 80 mg/m3 SO2")
    flag = wait_for(lambda: (p := rig.point("DA001", "so2"))["flag"] == "C" and p, 10, "the flag C")
    tell(rig, "emisd", f"flags SO2 {flag['flag']} (calibration): {flag['raw']:.0f} mg/m3 enter no mean and raise no alarm")
    rig.until("09:20:00")
    tell(rig, "plant", "the coating line's chromatograph falls silent")
    flag = wait_for(lambda: (p := rig.point("DA002", "nmhc"))["flag"] == "B" and p, 10, "the flag B")
    tell(rig, "emisd", f"flags NMHC {flag['flag']} (no communication) and shows no number: silence is not zero, "
                       "and not the last value")
    wait_for(lambda: rig.bureau.alarms(class_="condition", event="raised"), 15, "word of the silence")
    rig.until("09:32:00")
    back = wait_for(lambda: (p := rig.point("DA002", "nmhc"))["raw"] and p, 15, "the chromatograph's return")
    tell(rig, "emisd", f"the chromatograph answers again: {back['raw']:.1f} mg/m3, flag {back['flag']}")
    wait_for(lambda: exceedances(rig, "cleared"), 40, "the clearing at the bureau")


def exceedances(rig, event):
    return [a for a in rig.bureau.alarms(class_="exceedance", event=event) if a["limit"]["key"] == ULTRA_LOW]


def verdict(rig):
    """A sentence that says what is wrong, or None."""
    raised, cleared = exceedances(rig, "raised"), exceedances(rig, "cleared")
    if len(raised) != 1 or len(cleared) != 1:
        return f"the bureau got {len(raised)} raised and {len(cleared)} cleared exceedance alarms, not one of each"
    others = {a["alarm_id"] for a in rig.bureau.alarms(class_="exceedance")} - {raised[0]["alarm_id"]}
    if others:
        return f"the bureau got exceedances that were none: {', '.join(sorted(others))}"
    if rig.plant.get()["writes"]:
        return "an instrument was written to"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stay", action="store_true", help="keep everything running after the story")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="emisd-demo-") as folder:
        rig = Rig(folder, scale=SCALE, scenario=SCENARIO, noise=1.0)
        rig.wanted["on_alarm"] = lambda a: tell(rig, "bureau", alarm_words(a))
        try:
            with rig:
                story(rig)
                wrong = verdict(rig)
                usage = (ROOT / f"/proc/{rig.emisd.pid}/status").read_text()
                rss = next(line.split()[1] for line in usage.splitlines() if line.startswith("VmRSS"))
                ticks = sum(int(t) for t in (ROOT / f"/proc/{rig.emisd.pid}/stat").read_text().split()[13:15])
                cpu = ticks / os.sysconf("SC_CLK_TCK")
                print(f"\nemisd used {int(rss) / 1024:.1f} MB and {cpu:.1f} s of CPU for {rig.now() / 3600:.1f} hours of the "
                      f"plant ({100 * cpu * SCALE / rig.now():.1f} % of a core at {SCALE} times the speed).")
                if args.stay:
                    show_status(rig)
                    print(f"It goes on. In another terminal:\n  {build_dir()}/cli/emisctl --socket {folder}/ctl.sock status\n"
                          "End with Ctrl-C.", flush=True)
                    while rig.emisd.running():
                        time.sleep(1)
        except KeyboardInterrupt:
            wrong = None
        except (AssertionError, subprocess.CalledProcessError, OSError) as e:
            wrong = str(e)
            if rig.emisd:
                print(rig.emisd.text(), file=sys.stderr)
    if wrong:
        print(f"The demo failed: {wrong}", file=sys.stderr)
        return 1
    print("The bureau got the exceedance once, and its end once.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
