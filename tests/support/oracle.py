"""An independent calculation of the means that emisd judges: with Python's statistics module, without our C code.

The calculation was written from the rules (HJ 76-2017 annex B, HJ 212-2017 annex D; the 75 % of water are unconfirmed). The
series of gas have a value each minute, those of water every ten minutes.
"""

import collections
import datetime
import math
import statistics

CHINA = datetime.timezone(datetime.timedelta(hours=8))


def measured(rows, factor):
    """[(time, value or None, flag)], one for each row; only a value with the flag N counts."""
    return [(row["time"], row[factor] if row[f"{factor}.flag"] == "N" else None, row[f"{factor}.flag"]) for row in rows]


def convert(minutes, oxygen, o2_ref):
    """The same list, converted to the reference oxygen; a minute without O2 has no value and gets the flag of O2."""
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


def water_flag(flags):
    """One abnormal value makes the period abnormal: with the most frequent flag; of equally frequent flags the most severe."""
    counts = collections.Counter(flag for flag in flags if flag != "N")
    return max(counts, key=lambda flag: (counts[flag], "STCMFBD".index(flag))) if counts else "N"


def water_periods(values, weights, start_of, needed):
    """{start: (mean or None, number of valid values, flag)}; `weights` are {time: m3, or None where that is not known}. A
    value without a weight does not count. A period in which no water flowed has no mean.
    """
    means = {}
    for start, inside in group([(time, (value, weights[time]), flag) for time, value, flag in values], start_of).items():
        good = [(value, weight) for (value, weight), _ in inside if value is not None and weight is not None]
        flag, volume = water_flag([flag for _, flag in inside]), sum(weight for _, weight in good)
        mean = sum(value * weight for value, weight in good) / volume if volume > 0 and len(good) >= needed else None
        if len(good) >= needed and volume == 0:
            flag = max(flag, "F", key="NSTCMFBD".index)
        means[start] = (mean, len(good), flag)
    return means


def water_hours(values, weights):
    return water_periods(values, weights, hour_of, 5)


def water_days(hour_means, weights):
    return water_periods([(start, mean, flag) for start, (mean, _, flag) in hour_means.items()], weights, day_of, 18)


def volumes(flow, seconds):
    """{time: m3}, computed from a flow in L/s."""
    return {time: None if value is None else value * seconds / 1000 for time, value, _ in flow}


def day_sums(amounts):
    """{day: sum of the known amounts of the day, or None when no amount is known}"""
    sums = {}
    for time, amount in amounts.items():
        sums.setdefault(day_of(time), []).append(amount)
    return {day: math.fsum(a for a in inside if a is not None) if any(a is not None for a in inside) else None
            for day, inside in sums.items()}


def over(means, limit, least=-math.inf):
    return [start for start, (mean, _, _) in means.items() if mean is not None and not least <= mean <= limit]


def shares(hour_means, limit, share=0.95):
    """{month: (hours judged, hours over the limit, whether the share was met)}"""
    result = {}
    for start, (mean, _, _) in hour_means.items():
        judged, beyond, _ = result.get(month_of(start), (0, 0, True))
        if mean is not None:
            judged, beyond = judged + 1, beyond + (mean > limit)
        result[month_of(start)] = (judged, beyond, judged == 0 or beyond <= judged * (1 - share) + 1e-9)
    return result


def same(a, b):
    return a is None and b is None or a is not None and b is not None and math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
