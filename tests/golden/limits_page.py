"""Makes docs/limits.md from the files of the catalogue; `./dev golden` writes the page again."""

import collections
import pathlib

from tests.golden import libconfig_reader

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIERS = ("ultra-low", "special", "local", "general", "own")
PLAN = {"steel": "steel", "coking": "coking", "cement": "cement", "glass": "glass",
        "aluminium": "electrolytic aluminium", "carbon": "aluminium-use carbon"}
HEAD = """# The limit catalogue

Made of `config/limits.d/` and `config/factors.conf` by `./dev golden`; edit those, not this page.

One file is one legal document. A row holds one limit of one factor for one kind of outlet (`sector`). An outlet
falls under the rows of its sector and of every sector that this is a part of (`wwtp.1a` is a part of `wwtp`), at the
tiers that its configuration names. Each row keeps its own result and is cited by itself; the strictest one is
what `emisctl status` shows.

| column | meaning |
|---|---|
| limit | the highest (or lowest) value that keeps it; a mean strictly beyond it exceeds it |
| O2 | reference oxygen in percent; `α 1.7` = by excess-air coefficient; `air` = only where air is added to burn; empty = as measured, dry and at standard state; `m3/t` = by gas volume per tonne of product, which emisd refuses to judge |
| period | the mean that is judged: hour, day; instant values warn only |
| from | for new plants; then, where it differs, for existing ones |
| conf. | seen1, seen2: the number was read in one or two sources. **memory**: nobody read it; it is judged as *unconfirmed*, its alarms are of the class `unconfirmed`, and it may be cited only after the site's `confirmed` names the permit or document |

Legal dates begin at midnight in China. They are compared with the date of the data, so a backtest of 2019 is judged by
what held in 2019.
"""


def limits():
    for path in sorted((ROOT / "config/limits.d").glob("*.conf")):
        file = libconfig_reader.read(path)
        for limit in file["limits"]:
            yield path, file["document"], limit


def number(value):
    return f"{value:g}"


def bound(limit):
    low, high = limit.get("min"), limit.get("max")
    if low is not None and high is not None:
        return f"{number(low)}–{number(high)}"
    return f"≥ {number(low)}" if high is None else number(high)


def reference(limit):
    if "gas_volume_per_tonne" in limit:
        return f"{number(limit['gas_volume_per_tonne'])} m3/t"
    if "excess_air" in limit:
        return f"α {number(limit['excess_air'])}"
    words = number(limit["o2_ref"]) if "o2_ref" in limit else ""
    return words + (" air" if "o2_ref_when" in limit else "")


def dates(document, limit):
    start = limit.get("in_force", document["in_force"])
    existing = limit.get("in_force_existing", start)
    words = start if existing == start else f"{start}, {existing}"
    if "new_since" in limit:
        words += f" (new = built since {limit['new_since']})"
    if "until" in limit:
        words += f" until {limit['until']}"
    if "built_before" in limit:
        words += f", built before {limit['built_before']}"
    return words


def remarks(limit):
    words = []
    if "share_of_month" in limit:
        words.append(f"{limit['share_of_month']:.0%} of a month's hours")
    if "when" in limit:
        when = limit["when"]
        words.append(f"{when['factor']} {'> ' + number(when['above']) if 'above' in when else '≤ ' + number(when['at_most'])}")
    if "note" in limit:
        words.append(limit["note"])
    return "; ".join(words)


def row(document, limit):
    conf = "**memory**" if limit["confidence"] == "memory" else limit["confidence"]
    cells = [f"`{limit['key']}`", limit["factor"], f"{bound(limit)} {limit['unit']}", reference(limit), limit["period"],
             limit["clause"], dates(document, limit), conf, remarks(limit)]
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def coverage(rows):
    """Numbers of limits by sector, tier and factor."""
    counts = collections.Counter()
    for _, _, limit in rows:
        group = limit["sector"].split(".")[0]
        counts[group, limit["tier"], limit["factor"], limit["verified"]] += 1
    lines = ["| sector | tier | read | unconfirmed | by factor |", "|---|---|---:|---:|---|"]
    for group, tier in sorted({key[:2] for key in counts}, key=lambda k: (k[0], TIERS.index(k[1]))):
        read, unread = ({key[2]: n for key, n in counts.items() if key[:2] == (group, tier) and key[3] is known}
                        for known in (True, False))
        factors = ", ".join(f"{factor} {read.get(factor, 0)}" + (f"+{unread[factor]}" if factor in unread else "")
                            for factor in sorted(read | unread))
        name = f"**{group}**" if group in PLAN else group
        lines.append(f"| {name} | {tier} | {sum(read.values())} | {sum(unread.values())} | {factors} |")
    return "\n".join(lines)


def page():
    rows = list(limits())
    text = [HEAD, "## Coverage\n", "Rows by sector, tier and factor (`so2 3+2`: three that were read and two unconfirmed); the six sectors of the plan of\n"
            "2019 in bold.\n", coverage(rows), ""]
    last = None
    for path, document, limit in rows:
        if path != last:
            text += [f"\n## {document['number']}\n", f"{document['title']} – `{path.name}`\n",
                     "| key | factor | limit | O2 | period | clause | from | conf. | remarks |",
                     "|---|---|---|---|---|---|---|---|---|"]
            last = path
        text.append(row(document, limit))
    return "\n".join(text) + "\n"
