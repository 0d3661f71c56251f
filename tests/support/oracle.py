"""An independent calculation of what emisd judges: Python's statistics, none of our C.

Written from the rules (HJ 76-2017 annex B, HJ 212-2017 annex D), for series that come minute by minute.
"""

import datetime
import math
import statistics

CHINA = datetime.timezone(datetime.timedelta(hours=8))


def dry_minutes(rows, factor):
    """[(time, value or None, flag)] by minute; a value counts with the flag N only."""
    return [(row["time"], row[factor] if row[f"{factor}.flag"] == "N" else None, row[f"{factor}.flag"]) for row in rows]


def convert(minutes, oxygen, o2_ref):
    """The same at the reference oxygen; what O2 is missing for has no value and O2's flag."""
    converted = []
    for (time, value, flag), (_, o2, o2_flag) in zip(minutes, oxygen):
        if value is None:
            converted.append((time, None, flag))
        elif o2 is None:
            converted.append((time, None, o2_flag))
        elif o2 >= 21.0:
            converted.append((time, None, "D"))
        else:
            converted.append((time, value * (21.0 - o2_ref) / (21.0 - o2), flag))
    return converted


def group(values, start_of):
    periods = {}
    for time, value, flag in values:
        periods.setdefault(start_of(time), []).append((value, flag))
    return periods


def periods(values, start_of, due, needed):
    """{start: (mean or None, number of valid values, flag)}: gas is N from 75 % of normal values on, else D."""
    means = {}
    for start, inside in group(values, start_of).items():
        good = [value for value, _ in inside if value is not None]
        normal = sum(flag == "N" for _, flag in inside)
        flag = "N" if normal * 100 >= max(due, len(inside)) * 75 else "D"
        means[start] = (statistics.fmean(good) if len(good) >= needed else None, len(good), flag)
    return means


def hour_of(time):
    return time.replace(minute=0, second=0)


def day_of(time):
    return time.replace(hour=0, minute=0, second=0)


def month_of(time):
    return day_of(time).replace(day=1)


def hours(minutes):
    return periods(minutes, hour_of, 60, 45)


def days(hour_means):
    return periods([(start, mean, flag) for start, (mean, _, flag) in hour_means.items()], day_of, 24, 20)


def over(means, limit):
    return [start for start, (mean, _, _) in means.items() if mean is not None and mean > limit]


def shares(hour_means, limit, share=0.95):
    """{month: (judged, over, kept)}"""
    result = {}
    for start, (mean, _, _) in hour_means.items():
        judged, beyond, _ = result.get(month_of(start), (0, 0, True))
        if mean is not None:
            judged, beyond = judged + 1, beyond + (mean > limit)
        result[month_of(start)] = (judged, beyond, judged == 0 or beyond <= judged * (1 - share) + 1e-9)
    return result


def same(a, b):
    return a is None and b is None or a is not None and b is not None and math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
