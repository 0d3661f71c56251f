"""Changes by operators: acknowledgements, marks and confirmed limits. Only those who may can make them, and each is
recorded."""

import sqlite3
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.support.rig import build_dir, wait_for

EMISCTL = build_dir() / "cli/emisctl"
ULTRA_LOW = "steel.sinter.ultra-low.so2"
LOCAL = "steel.sinter.local.so2"
NOBODY = 65534


def emisctl(rig, *arguments, status=0, user=None):
    done = subprocess.run([EMISCTL, "--socket", rig.folder / "ctl.sock", "--lang", "en", *arguments], user=user,
                          group=user, extra_groups=None if user is None else [], capture_output=True, text=True, timeout=30)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def exceedance(rig, key=ULTRA_LOW, class_="exceedance"):
    return wait_for(lambda: [a for a in rig.bureau.alarms(class_=class_, event="raised")
                             if a["limit"]["key"] == key and a["rule"] == "period-mean"], 90, "the exceedance")[0]


def open_folders(rig):
    """Lets all users reach the socket: opens all folders up to that of temporary files."""
    for folder in (rig.folder, *rig.folder.parents):
        if folder == Path(tempfile.gettempdir()):
            break
        folder.chmod(0o755)


def let_everybody_in(rig):
    """Opens the control socket to all users; by default a stranger cannot even connect."""
    open_folders(rig)
    (rig.folder / "ctl.sock").chmod(0o666)


def test_an_alarm_is_acknowledged_once_by_name(make_rig):
    rig = make_rig(scale=240, start="2026-03-02T07:58:00+08:00", poll="4s", plant=["hold so2 120"])
    alarm = exceedance(rig)
    emisctl(rig, "ack", alarm["alarm_id"], "--remark", "desulphurisation pump 2 is being changed")
    told = wait_for(lambda: rig.bureau.alarms(event="acknowledged"), what="the acknowledgement")[0]
    assert told["alarm_id"] == alarm["alarm_id"] and told["seq"] > alarm["seq"]
    assert told["acknowledged"]["by"] == "root (uid 0)" and "pump 2" in told["acknowledged"]["remark"]
    assert told["limit"] == alarm["limit"] and told["class"] == "exceedance"
    assert '"acknowledged_by":"root (uid 0)"' in emisctl(rig, "alarms", "--json")
    assert "pump 2" in emisctl(rig, "audit", "--json")
    assert "was acknowledged by root" in emisctl(rig, "ack", alarm["alarm_id"], status=1)
    assert 'there is no alarm "x"' in emisctl(rig, "ack", "x", status=1)
    assert 'there is no alarm "999999"' in emisctl(rig, "ack", "999999", status=1)
    # The alarm continues after the acknowledgement, and no number is missing.
    wait_for(lambda: [a for a in rig.bureau.alarms(event="continued") if a["alarm_id"] == alarm["alarm_id"]], 60,
             "the next hour")
    assert [a["seq"] for a in rig.bureau.alarms()] == list(range(1, len(rig.bureau.alarms()) + 1))


def test_the_open_alarms_come_first_and_have_numbers(make_rig):
    rig = make_rig(scale=240, start="2026-03-02T07:58:00+08:00", poll="4s", plant=["hold so2 120"])
    alarm = exceedance(rig)
    lines = emisctl(rig, "status").splitlines()
    assert lines[2].startswith("Open alarms: ") and lines[3].split()[:4] == ["no", "outlet", "factor", "rule"]
    first = lines[4].split()
    assert (first[0], first[3]) == (str(alarm["seq"]), "period-mean"), lines
    # The alarm can be acknowledged by this number, or by the number of any of its messages.
    emisctl(rig, "ack", first[0])
    told = wait_for(lambda: rig.bureau.alarms(event="acknowledged"), what="the acknowledgement")[0]
    assert told["alarm_id"] == alarm["alarm_id"]
    assert "was acknowledged by root" in emisctl(rig, "ack", str(told["seq"]), status=1)
    # A damaged text loses its bad bytes, but its row is still shown.
    with sqlite3.connect(rig.folder / "data/state.db", timeout=20) as db:
        db.execute("UPDATE alarm SET document = CAST(x'C9D541' AS TEXT) WHERE id = ?", (alarm["alarm_id"],))
    assert [a["document"] for a in rig.ask("alarms", all=True)["alarms"] if a["id"] == alarm["alarm_id"]] == ["??A"]
    for width in ("60", "80", "200"):
        shown = subprocess.run([EMISCTL, "--socket", rig.folder / "ctl.sock", "--lang", "en", "alarms"], capture_output=True,
                               text=True, timeout=30, env={"COLUMNS": width, "PATH": "/usr/bin"}).stdout
        assert " period-mean" in shown and " rule " in shown.splitlines()[0]


@pytest.mark.parametrize("arguments, words", [
    (["alarms", "--outlet", "DA01"], 'there is no outlet "DA01"; did you mean "DA001"?'),
    (["status", "--factor", "s02"], 'there is no factor "s02"; did you mean "so2"?'),
    (["limits", "--all", "--tier", "ultralow"], 'there is no tier "ultralow"; did you mean "ultra-low"?'),
    (["limits", "--all", "--sector", "steel.sinterhead"], 'there is no sector "steel.sinterhead"; did you mean "steel.sinter-head"?'),
    (["limits", "steel.sinter.ultra-low.s02"], 'did you mean "steel.sinter.ultra-low.so2"?'),
    (["limits", "--all", "--sector", "cement", "--factor", "cod"], "no limit matches"),
    (["budget", "--outlet", "gatewy"], 'did you mean "gateway"?'),
    (["raw", "gsa"], 'there is no instrument "gsa"; did you mean "gas"?'),
    (["mark", "DA0001", "--kind", "fault", "--until", "2030-01-01"], 'there is no outlet "DA0001"; did you mean "DA001"?'),
])
def test_a_filter_that_names_nothing_is_an_error(quiet, arguments, words):
    assert words in emisctl(quiet, *arguments, status=1)


def test_a_filter_that_finds_nothing_is_none(quiet):
    assert "no alarms" in emisctl(quiet, "alarms", "--outlet", "DA001", "--factor", "hg")
    assert "steel.sinter" in emisctl(quiet, "limits", "--all", "--sector", "steel", "--json")


@pytest.mark.parametrize("word, nearest", [("alarm", "alarms"), ("staus", "status"), ("histroy", "history"), ("backtst", "backtest")])
def test_a_misspelt_command_gets_the_nearest(quiet, word, nearest):
    assert f'there is no command "{word}"; did you mean "{nearest}"?' in emisctl(quiet, word, status=2)


def test_no_permission_on_the_socket_names_the_group(quiet):
    open_folders(quiet)
    (quiet.folder / "ctl.sock").chmod(0o660)
    said = emisctl(quiet, "status", status=1, user=NOBODY)
    assert "no permission to use" in said and "members of the group root" in said and "usermod -aG root" in said
    quiet.folder.chmod(0o700)
    try:
        assert "no permission to use" in emisctl(quiet, "status", status=1, user=NOBODY)
    finally:
        quiet.folder.chmod(0o755)


def test_history_and_verify_ask_the_daemon_where_its_store_is(quiet):
    for command, said in ((["history", "DA001", "tsp"], f"nothing of that kind in {quiet.folder}/data"), (["verify"], "")):
        done = subprocess.run([EMISCTL, *command], capture_output=True, text=True, timeout=60,
                              env={"EMISD_SOCKET": str(quiet.folder / "ctl.sock"), "PATH": str(build_dir() / "daemon")})
        assert "/var/lib/emisd" not in done.stdout + done.stderr and said in done.stderr
        assert done.returncode == (1 if said else 0), done.stdout + done.stderr


def test_only_admins_change_things(make_rig):
    rig = make_rig(scale=240, start="2026-03-02T07:58:00+08:00", poll="4s", plant=["hold so2 120"])
    alarm = exceedance(rig)
    let_everybody_in(rig)
    assert "anyang-steel-01" in emisctl(rig, "status", user=NOBODY)
    for command in (["ack", alarm["alarm_id"]],
                    ["mark", "DA001", "--kind", "maintenance", "--until", "2026-03-03T00:00:00+08:00"]):
        assert "is for root and members of the group emisd-admin; you are nobody" in \
            emisctl(rig, *command, status=1, user=NOBODY)
    # A client cannot choose the name under which it is recorded.
    assert rig.ask("audit")["audit"][0]["who"] == "emisd"
    rig.ask("ack", argument=alarm["alarm_id"], who="somebody else")
    assert rig.ask("audit")["audit"][0]["who"] == "root (uid 0)"


def test_a_mark_takes_validity_and_leaves_values(make_rig):
    rig = make_rig(scale=90, start="2026-03-02T07:59:00+08:00", poll="4s", plant=["hold so2 120"])
    rig.until("08:05:00")
    shown = emisctl(rig, "mark", "DA001", "--kind", "maintenance", "--until", "2026-03-02T09:00:00+08:00", "--factor",
                    "so2", "--remark", "probe taken out")
    assert "maintenance" in shown and "probe taken out" in shown
    marked = wait_for(lambda: (p := rig.point("DA001", "so2"))["flag"] == "M" and p, what="flag M")
    assert marked["raw"] == 120.0 and marked["converted"] is None
    assert rig.point("DA001", "nox")["flag"] == "N"
    rig.emisd.stop()
    rig.start_emisd()  # the mark is still known after a restart
    wait_for(lambda: rig.point("DA001", "so2")["flag"] == "M", what="flag M again")
    rig.until("09:01:00")
    assert wait_for(lambda: (p := rig.point("DA001", "so2"))["flag"] == "N" and p, what="the end of the mark")
    assert rig.bureau.alarms(class_="exceedance", factor="so2") == []
    few = [a for a in rig.bureau.alarms(rule="few-minutes", factor="so2") if a["period"]["start"].startswith("2026-03-02T08")]
    assert few and few[0]["counts"]["M"] >= 50
    assert rig.ask("marks")["marks"][0]["who"] == "root (uid 0)"
    assert rig.emisd.stop() == 0
    with sqlite3.connect(rig.folder / "data/state.db") as db:
        assert db.execute("SELECT what, new FROM audit WHERE what LIKE 'mark%'").fetchall() == [
            ("mark DA001 so2", "maintenance from " + rig_moment(db) + " to 2026-03-02T09:00:00+08:00: probe taken out")]


def rig_moment(db):
    (ms,) = db.execute("SELECT from_ms FROM mark").fetchone()
    return db.execute("SELECT strftime('%Y-%m-%dT%H:%M:%S', ?/1000, 'unixepoch', '+8 hours') || '+08:00'", (ms,)).fetchone()[0]


def test_a_mark_of_the_past_changes_nothing_closed(make_rig):
    rig = make_rig(scale=240, start="2026-03-02T07:58:00+08:00", poll="4s", plant=["hold so2 120"])
    alarm = exceedance(rig)
    emisctl(rig, "mark", "DA001", "--kind", "start-up", "--from", "2026-03-02T08:00:00+08:00", "--until",
            "2026-03-02T09:00:00+08:00")
    (mark,) = rig.ask("marks")["marks"]
    assert (mark["kind"], mark["flag"], mark["factor"]) == ("start-up", "F", None)
    assert mark["applies"] >= "2026-03-02T09:00"
    stored = rig.ask("alarms")["alarms"]
    assert [a["id"] for a in stored if a["id"] == alarm["alarm_id"]]


@pytest.mark.parametrize("arguments, words", [
    (["DA009", "--kind", "fault", "--until", "2026-03-03"], 'there is no outlet "DA009"'),
    (["DA001", "--kind", "fault", "--until", "2026-03-03", "--factor", "cod"], 'with the factor cod'),
    (["DA001", "--kind", "lunch", "--until", "2026-03-03"], "is not known; known are calibration, fault"),
    (["DA001", "--kind", "fault", "--until", "tomorrow"], "is not a moment"),
    (["DA001", "--kind", "fault"], "--until is missing or is not later than --from"),
    (["DA001", "--kind", "fault", "--from", "2026-03-03", "--until", "2026-03-03"], "--until is missing or is not later"),
])
def test_a_wrong_mark_is_refused(quiet, arguments, words):
    assert words in emisctl(quiet, "mark", *arguments, status=1)


def confirm(text, by):
    wanted = 'sector = "steel.sinter-head"; tiers = [ "ultra-low", "special" ];'
    assert wanted in text
    confirmed = f'confirmed = ( {{ limits = [ "{LOCAL}" ]; by = "{by}"; }} );' if by else ""
    return text.replace(wanted, f'sector = "steel.sinter-head"; tiers = [ "local" ]; {confirmed}')


def test_an_unread_number_proves_nothing_until_it_is_confirmed(make_rig):
    by = "排污许可证 91410500, p. 12"
    rig = make_rig(scale=240, start="2026-03-02T07:58:00+08:00", poll="4s", plant=["hold so2 120"],
                   edit=lambda text: confirm(text, None))
    first = exceedance(rig, LOCAL, "unconfirmed")
    assert first["limit"]["citable"] is False and first["limit"]["confidence"] == "memory"
    assert rig.bureau.alarms(class_="exceedance") == []
    assert "unconfirmed" in emisctl(rig, "limits", "--outlet", "DA001", "--factor", "so2")
    assert "its alarms say" in rig.emisd.text()
    rig.emisd.stop()
    rig.conf.write_text(confirm(rig.conf.read_text().replace('tiers = [ "local" ]; ', 'tiers = [ "ultra-low", "special" ];'), by))
    rig.start_emisd()
    told = wait_for(lambda: [a for a in rig.bureau.alarms(class_="exceedance") if a["limit"]["key"] == LOCAL], 60,
                    "the confirmed exceedance")[0]
    assert told["limit"]["confirmed_by"] == by and told["limit"]["citable"] is True
    assert told["alarm_id"] == first["alarm_id"], "the same alarm goes on"
    row = next(a for a in rig.ask("audit")["audit"] if a["what"].startswith("confirm"))
    assert (row["what"], row["old"], row["new"]) == (f"confirm limit {LOCAL} at DA001", "", by)
    assert by in emisctl(rig, "limits", LOCAL)


def test_every_changed_setting_is_noted_with_its_old_and_new_value(make_rig):
    rig = make_rig(scale=60, broker=False)
    assert not [a for a in rig.ask("audit")["audit"] if a["who"] == "configuration"], "the first start changes nothing"
    rig.emisd.stop()
    text = rig.conf.read_text()
    changed = text.replace('grace = "30s";', 'grace = "30s"; no_data_minutes = 7;').replace(
        'from = "dust.pm";', 'from = "dust.pm"; slope = 1.02;')
    assert changed.count("slope") == changed.count("= 7;") == 1
    rig.conf.write_text(changed)
    rig.start_emisd()
    rows = {a["what"]: (a["old"], a["new"]) for a in rig.ask("audit")["audit"] if a["who"] == "configuration"}
    assert rows["outlets.DA001.points.pm.slope"] == ("", "1.02")
    assert rows["judging.no_data_minutes"] == ("5", "7")
    rig.emisd.stop()
    rig.start_emisd()
    again = [a for a in rig.ask("audit")["audit"] if a["who"] == "configuration"]
    assert len(again) == len(rows), "and once only"


def test_the_budget_of_the_month_is_kept_over_a_restart(make_rig):
    rig = make_rig(scale=240, start="2026-03-02T07:58:00+08:00", poll="4s", plant=["hold so2 120"])
    exceedance(rig)
    row = next(b for b in rig.ask("budget")["budget"] if b["key"] == ULTRA_LOW)
    assert (row["judged"], row["over"]) == (1, 1) and row["left"] == row["allowed"] - 1 > 30
    rig.emisd.stop()
    rig.start_emisd()
    again = next(b for b in rig.ask("budget")["budget"] if b["key"] == ULTRA_LOW)
    assert (again["judged"], again["over"]) == (1, 1)
    assert "so2" in emisctl(rig, "budget") and "环大气〔2019〕35号" in emisctl(rig, "budget", "--json")


def test_the_catalogue_is_filtered_and_explained(quiet):
    table = emisctl(quiet, "limits", "--all", "--sector", "coking", "--tier", "special", "--factor", "so2")
    assert table.count("\n") == 1 + 5 and "not in force" not in table
    assert emisctl(quiet, "limits", "--all", "--json").count('"key"') == 431
    text = emisctl(quiet, "limits", "--all", "wwtp.1a.general.tp")
    assert "new_since          2006-01-01" in text and "in_force_existing  2028-01-01" in text
    assert "wwtp.1a.general.tp-old" not in text
    assert "wtemp > 12" in emisctl(quiet, "limits", "--outlet", "DW001", "--factor", "nh3n", "--json")


def test_marks_have_a_bound_and_the_one_too_many_is_not_stored(make_rig):
    rig = make_rig(broker=False)
    mark = {"argument": "DA001", "kind": "maintenance", "until": "2026-03-03T00:00:00+08:00"}
    stored = 0
    with pytest.raises(AssertionError, match="too many marks are active"):
        while stored < 1000:
            rig.ask("mark", **mark)
            stored += 1
    assert len(rig.ask("marks")["marks"]) == stored > 10
    rig.ask("mark", **{**mark, "from": "2026-03-01", "until": "2026-03-01T08:00:00+08:00"})  # one of the past is not at work
    assert rig.emisd.stop() == 0
    rig.start_emisd()
    assert "too many marks are active" not in rig.emisd.text()


def judged(rig, **filters):
    return {row["key"]: row["judged"] for row in rig.ask("limits", **filters)["limits"]}


def test_limits_say_whether_and_why_not_they_are_judged(make_rig):
    def edit(text):
        text = text.replace('sector = "coatings-inks.process"; tiers = [ "special" ]',
                            'sector = "rubber.mixing-curing"; tiers = [ "general" ]')
        return text.replace('{ factor = "wtemp"; from = "ph.wtemp"; },', "").replace('built = "2010-05-01";', "")

    rig = make_rig(broker=False, edit=edit)
    stack = judged(rig, outlet="DA001")
    assert stack["steel.sinter.ultra-low.so2"] == "yes"
    assert stack["steel.sinter.special.nox.before-2021"] == "not in force"
    assert "refused: m3/t" in judged(rig, outlet="DA002").values()
    water = judged(rig, outlet="DW001")
    conditional = [words for key, words in water.items() if "nh3n" in key]
    assert conditional and set(conditional) == {"its condition is not measured"}
    assert water["wwtp.1a.general.ss"] == "not measured" and water["wwtp.1a.general.cod"] == "yes"
    assert water["wwtp.1a.general.ph.instant"] == "warns only" and water["wwtp.1a.general.tp"] == "yes, built?"
    assert set(judged(rig, all=True).values()) == {None}, "the catalogue says nothing of outlets"
