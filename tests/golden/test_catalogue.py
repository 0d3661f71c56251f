"""emisd judges by the numbers that were read: compares config/ with the catalogue from which it was made."""
import csv
import pathlib
import re

import pytest

from tests.golden import libconfig_reader

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'config'
FACTORS = libconfig_reader.read(CONFIG / 'factors.conf')['factors']
FACTOR = {factor['key']: factor for factor in FACTORS}
LIMIT_FILES = {path.name: libconfig_reader.read(path) for path in sorted((CONFIG / 'limits.d').glob('*.conf'))}
LIMITS = [(name, limit) for name, file in LIMIT_FILES.items() for limit in file['limits']]
PROFILES = {path.stem: libconfig_reader.read(path) for path in sorted((CONFIG / 'profiles.d').glob('*.conf'))}

# Metals in water have their own keys, because the same pollutants exist in gas.
WATER = {'w' + name: name for name in
         ('hg', 'cd', 'cr', 'cr6', 'pb', 'as', 'ni', 'cu', 'zn', 'mn', 'cn', 'phenol', 'sulfide', 'benzene', 'toluene')}
# Outlets are named after the machine: the head of the sinter machine is one outlet, its tail another. GB 18918-2002
# Table 2 has no grades and covers all works. A superseded document covers the sector of the document that superseded it.
SECTOR = {'steel.sinter': 'steel.sinter-head', 'wwtp.metals': 'wwtp', 'wwtp.haihe': 'wwtp',
          'glass.furnace-2011': 'glass.furnace', 'glass.batch-2011': 'glass.batch', 'brick.kiln-old': 'brick.kiln',
          'cement.dryer-independent-old': 'cement.dryer-independent', 'boiler.gas-low-nox': 'boiler.gas'}
# A limit whose reference oxygen came into force later than its number has two rows in the files and one in the table.
BEFORE_2021 = '.before-2021'
OXYGEN_CAME = '2021-01-08'
# The document that replaced the older one: the date from which it applies to new plants, and to existing plants.
REPLACED = {'GB 26453-2022': ('2023-01-01', '2024-07-01'), 'GB 16171.1-2024': ('2025-04-01', '2027-01-01'),
            'GB 41618-2022 for the lime': ('2023-01-01', '2024-07-01'), 'GB 37823-2019': ('2019-07-01', '2020-07-01'),
            'DB41/1951-2020': ('2020-06-01', '2020-10-01'), 'DB41/1956-2020': ('2020-06-01', '2020-10-01'),
            'until 2027-12-31': ('2006-01-01', '2028-01-01')}
REGISTERS = {'bit': 1, 'u8hi': 1, 'u8lo': 1, 'u16': 1, 'i16': 1, 'u32': 2, 'i32': 2, 'f32': 2}
FLAGS = set('NFMSDCTB')


def catalogue():
    with open(ROOT / 'tests/data/limits.tsv', encoding='utf-8', newline='') as file:
        return {row['key']: row for row in csv.DictReader(file, delimiter='\t', quoting=csv.QUOTE_NONE)}


CATALOGUE = catalogue()


def table_row(limit):
    return CATALOGUE[limit['key'].removesuffix(BEFORE_2021)]


def bounds(text):
    """'6-9' -> (6, 9), '35' -> (None, 35), '>=80' -> (80, None)."""
    if text.startswith('>='):
        return float(text[2:]), None
    low, dash, high = text.partition('-')
    return (float(low), float(high)) if dash else (None, float(low))


def digits(text):
    """The number of digits that the document writes after the point: '1.0' -> 1, '35' -> 0, '6-9' -> 0."""
    return max(len(number.partition('.')[2]) for number in re.findall(r'[0-9.]+', text))


def digits_of(limit):
    """The decimals to which emisd rounds: those of the shortest form of the bounds, unless the file says otherwise."""
    shortest = [f'{limit[key]:.9f}'.rstrip('0').partition('.')[2] for key in ('min', 'max') if key in limit]
    return limit.get('digits', max(len(fraction) for fraction in shortest))


def in_force(name, limit):
    """(new plants, existing plants, until, built before) as in the file."""
    start = limit.get('in_force', LIMIT_FILES[name]['document']['in_force'])
    return start, limit.get('in_force_existing', start), limit.get('until'), limit.get('built_before')


def effective(row):
    """(new plants, existing plants, until, built before) as in the table."""
    dates = re.findall(r'\d{4}-\d\d-\d\d', row['effective'])
    if 'new,' in row['effective']:
        start, existing = dates[:2]
    elif row['effective'] == 'new plants 2018-03-01':
        start, existing = dates[0], 'never'
    else:
        start = existing = dates[0] if dates else row['effective'] + '-01-01'
    until = built_before = None
    for words, (new, old) in REPLACED.items():
        if re.search(r'(superseded by|overtaken by|in force) .*' + re.escape(words), row['status']) \
                and 'partly' not in row['status']:
            until, built_before = old, new
    superseded = re.search(r'superseded by \S+ on (\S+)', row['status'])
    if superseded:
        until = superseded.group(1)
    if row['effective'] == '2019-10-01 to 2020-03-31':
        until = '2020-04-01'
    if row['key'] == 'wwtp.1a.general.tp':
        existing = '2028-01-01'  # works built before 2006 have the limit 1 mg/L until then
    return start, existing, until, built_before


def each_limit(function):
    return pytest.mark.parametrize('name, limit', LIMITS, ids=[limit['key'] for _, limit in LIMITS])(function)


def test_every_row_of_the_table_is_in_the_files():
    assert {limit['key'].removesuffix(BEFORE_2021) for _, limit in LIMITS} == set(CATALOGUE)


@each_limit
def test_a_limit_is_what_the_table_says(name, limit):
    row = table_row(limit)
    document = LIMIT_FILES[name]['document']
    assert (limit.get('min'), limit.get('max')) == bounds(row['limit'])
    assert digits_of(limit) == digits(row['limit'])
    assert limit['unit'] == {'percent': '%'}.get(row['unit'], row['unit'])
    assert limit['period'] == row['averaging']
    assert limit['confidence'] == row['confidence']
    assert limit['tier'] == row['tier']
    assert row['document'].startswith(document['number'])
    assert WATER.get(limit['factor'], limit['factor']) == row['pollutant']
    sector = '.'.join(limit['key'].split('.')[:2])
    assert limit['sector'] == SECTOR.get(sector, sector)


@each_limit
def test_a_limit_cites_the_clause_of_the_table(name, limit):
    row = table_row(limit)
    assert re.findall(r'[A-Z]?\.?\d[\d.]*', limit['clause'].rpartition('号 ')[2]) == \
        re.findall(r'[A-Z]?\.?\d[\d.]*', row['clause'].partition('公告')[0]) + \
        (['2024', '17'] if '公告2024' in row['clause'] else [])
    assert bool(row['clause']) == (limit['clause'] != '未见文本')


@each_limit
def test_the_reference_belongs_to_the_limit_and_its_date(name, limit):
    row = table_row(limit)
    later = '2020 amendment' in row['qualifier'] and row['o2_ref_percent']
    before = limit['key'].endswith(BEFORE_2021)
    assert limit.get('o2_ref') == (float(row['o2_ref_percent']) if row['o2_ref_percent'] and not before else None)
    air = 'excess-air coefficient 1.7' in row['qualifier'] and (before or not row['o2_ref_percent'])
    assert limit.get('excess_air') == (1.7 if air else None)
    assert limit.get('gas_volume_per_tonne') == (2000.0 if '2000 m3' in row['qualifier'] else None)
    added = 'oxidiser.general' in row['key'] or '3 % only for combustion units with added air' in row['qualifier']
    assert limit.get('o2_ref_when') == ('air-added' if added else None)
    start, existing, until, built_before = effective(row)
    expected = {True: (start, existing, OXYGEN_CAME, built_before),
                False: (OXYGEN_CAME, OXYGEN_CAME, until, built_before)}[before] if later else effective(row)
    assert in_force(name, limit) == expected


def test_a_works_built_before_2006_keeps_its_phosphorus_limit_until_2027():
    by_key = {limit['key']: limit for _, limit in LIMITS}
    assert by_key['wwtp.1a.general.tp']['new_since'] == '2006-01-01'
    assert by_key['wwtp.1a.general.tp-old']['built_before'] == '2006-01-01'
    assert sum('new_since' in limit for _, limit in LIMITS) == 1


@each_limit
def test_only_what_was_read_is_verified(name, limit):
    assert limit['confidence'] in ('seen1', 'seen2', 'memory')
    assert limit['verified'] is (limit['confidence'] != 'memory')


@each_limit
def test_a_limit_has_numbers_as_floats(name, limit):
    numbers = [limit[key] for key in ('min', 'max', 'o2_ref', 'excess_air', 'share_of_month') if key in limit]
    numbers += [limit['when'][key] for key in ('above', 'at_most') if key in limit.get('when', {})]
    assert all(isinstance(number, float) for number in numbers)


@each_limit
def test_a_limit_names_known_factors_in_their_unit(name, limit):
    assert limit['unit'] == FACTOR[limit['factor']]['unit']
    if 'when' in limit:
        assert limit['when']['factor'] in FACTOR
    if 'o2_ref' in limit:
        assert FACTOR[limit['factor']]['medium'] == 'gas'


@each_limit
def test_a_limit_ends_after_it_starts(name, limit):
    start, existing, until, _ = in_force(name, limit)
    if until:
        assert start < until and (existing == 'never' or existing < until or 'built_before' not in limit)


@each_limit
def test_the_95_percent_rule_is_that_of_ultra_low_steel_only(name, limit):
    rule = '95 %' in table_row(limit)['qualifier']
    assert limit.get('share_of_month') == (0.95 if rule else None)


@each_limit
def test_ammonia_nitrogen_is_divided_at_12_degrees(name, limit):
    if limit['factor'] != 'nh3n' or limit['tier'] == 'local':
        assert 'when' not in limit
    elif 'cold' in limit['key']:
        assert limit['when'] == {'factor': 'wtemp', 'at_most': 12.0}
    else:
        assert limit['when'] == {'factor': 'wtemp', 'above': 12.0}


def test_ph_moves_from_the_day_to_the_sample_without_a_gap():
    by_key = {limit['key']: limit for _, limit in LIMITS}
    assert by_key['wwtp.1a.general.ph-daily']['until'] == '2026-03-01'
    assert CATALOGUE['wwtp.1a.general.ph.instant']['effective'] == '2026-03-01'
    assert by_key['wwtp.1a.general.ph.instant']['in_force'] == '2026-03-01'


def test_no_two_limits_share_a_key():
    keys = [limit['key'] for _, limit in LIMITS]
    assert len(keys) == len(set(keys)) > 0


def test_no_two_files_are_the_same_document():
    documents = [(file['document']['number'], file['document']['title']) for file in LIMIT_FILES.values()]
    assert len(documents) == len(set(documents))


def test_no_two_factors_share_a_key_or_a_code():
    codes = [factor['code'] for factor in FACTORS if 'code' in factor]
    assert len(FACTOR) == len(FACTORS) > 40
    assert len(set(codes)) == len(codes)


def test_a_code_is_that_of_the_research():
    with open(ROOT / 'tests/data/factors.tsv', encoding='utf-8', newline='') as file:
        known = {row['code']: row for row in csv.DictReader(file, delimiter='\t', quoting=csv.QUOTE_NONE)}
    for factor in FACTORS:
        if 'code' in factor:
            row = known[factor['code']]
            assert row['confidence'] == 'seen2'
            assert factor['name_zh'] == row['name_zh']


def test_a_factor_weighs_by_flow_when_it_is_a_concentration_in_water():
    for factor in FACTORS:
        weighs = factor['unit'] == 'mg/L' and factor['medium'] == 'water'
        assert factor.get('flow_weighted', False) == weighs, factor['key']
        assert factor.get('code', ' ')[0] in {'gas': 'a ', 'water': 'w ', 'process': 'egi'}[factor['medium']]


def each_profile(function):
    return pytest.mark.parametrize('name', PROFILES)(function)


@each_profile
def test_a_profile_bears_the_name_of_its_file(name):
    assert PROFILES[name]['profile']['name'] == name


@each_profile
def test_the_status_names_of_a_profile_resolve(name):
    profile = PROFILES[name]
    known = [status['name'] for status in profile.get('statuses', [])]
    used = {status for channel in profile.get('channels', []) for status in channel.get('status', [])}
    assert len(known) == len(set(known))
    # and each status is used, unless it is there for points of other instruments
    assert used == set(known) or 'channels' not in profile


@each_profile
def test_the_channels_of_a_profile_have_units_that_a_factor_can_take(name):
    channels = PROFILES[name].get('channels', [])
    assert len({channel['name'] for channel in channels}) == len(channels)
    for channel in channels:
        assert channel['unit'] in {factor['unit'] for factor in FACTORS} | {'ppm'}, channel['name']


@each_profile
def test_the_fields_of_a_profile_say_their_order_when_they_have_one(name):
    profile = PROFILES[name]
    channels = [] if 'driver' in profile['profile'] else profile.get('channels', [])
    for field in channels + profile.get('statuses', []) + profile.get('auxiliaries', []):
        assert field['function'] in (1, 2, 3, 4)
        assert 0 <= field['address'] <= 65536 - REGISTERS[field['type']]
        wide = REGISTERS[field['type']] == 2
        assert (field.get('order') in ('ABCD', 'CDAB', 'BADC', 'DCBA')) if wide else 'order' not in field


@each_profile
def test_an_unknown_status_code_is_never_normal(name):
    for status in PROFILES[name].get('statuses', []):
        assert status['otherwise'] == 'D'
        assert all(rule['flag'] in FLAGS for rule in status['rules'])


def example_points():
    site = libconfig_reader.read(CONFIG / 'emisd.conf')
    instruments = {instrument['name']: instrument for instrument in site['instruments']}
    for outlet in site['outlets']:
        for point in outlet['points']:
            instrument, channel = point['from'].split('.')
            yield outlet, point, instruments[instrument]['profile'], channel


def test_the_example_feeds_each_point_from_a_channel_in_its_unit():
    for outlet, point, profile, name in example_points():
        factor = FACTOR[point['factor']]
        units = {channel['name']: channel['unit'] for channel in PROFILES[profile]['channels']}
        assert factor['medium'] == outlet['medium']
        assert units[name] == factor['unit'] or units[name] == 'ppm' and 'molar_mass' in factor


def test_the_example_finds_limits_for_each_tier():
    for outlet in libconfig_reader.read(CONFIG / 'emisd.conf')['outlets']:
        for tier in outlet['tiers']:
            assert any(limit['tier'] == tier and
                       (outlet['sector'] + '.').startswith(limit['sector'] + '.') for name, limit in LIMITS)
