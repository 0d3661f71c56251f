"""What emisd judges by is what was read: config/ against the catalogue it was made from."""
import csv
import datetime
import pathlib

import pytest

from tests.golden import libconfig_reader

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'config'
FACTORS = libconfig_reader.read(CONFIG / 'factors.conf')['factors']
FACTOR = {factor['key']: factor for factor in FACTORS}
LIMIT_FILES = {path.name: libconfig_reader.read(path) for path in sorted((CONFIG / 'limits.d').glob('*.conf'))}
LIMITS = [(name, limit) for name, file in LIMIT_FILES.items() for limit in file['limits']]
PROFILES = {path.stem: libconfig_reader.read(path) for path in sorted((CONFIG / 'profiles.d').glob('*.conf'))}

# The water metals have keys of their own, because the same pollutants exist in gas.
POLLUTANT = {'whg': 'hg', 'wcd': 'cd', 'wcr': 'cr', 'wcr6': 'cr6', 'wpb': 'pb', 'was': 'as'}
# Outlets are named after the machine: the head of the sinter machine is one outlet, its tail another.
# GB 18918-2002 Table 2 has no grades and covers all works.
SECTOR = {'steel.sinter': 'steel.sinter-head', 'wwtp.metals': 'wwtp'}
CLAUSE_WORDS = {'Table': '表', 'Annex': '附件', 'note': '注', 'cl. ': '', '; ': '；'}
REGISTERS = {'bit': 1, 'u8hi': 1, 'u8lo': 1, 'u16': 1, 'i16': 1, 'u32': 2, 'i32': 2, 'f32': 2}
FLAGS = set('NFMSDCTB')


def catalogue():
    with open(ROOT / 'tests/data/limits.tsv', encoding='utf-8', newline='') as file:
        return {row['key']: row for row in csv.DictReader(file, delimiter='\t', quoting=csv.QUOTE_NONE)}


CATALOGUE = catalogue()


def bounds(text):
    """'6-9' -> (6, 9), '35' -> (None, 35)."""
    low, dash, high = text.partition('-')
    return (float(low), float(high)) if dash else (None, float(low))


def chinese_clause(text):
    for word, chinese in CLAUSE_WORDS.items():
        text = text.replace(word, chinese)
    return text


def each_limit(function):
    return pytest.mark.parametrize('name, limit', LIMITS, ids=[limit['key'] for _, limit in LIMITS])(function)


@each_limit
def test_a_limit_is_what_the_catalogue_says(name, limit):
    row = CATALOGUE[limit['key']]
    document = LIMIT_FILES[name]['document']
    assert (limit.get('min'), limit.get('max')) == bounds(row['limit'])
    assert limit['unit'] == row['unit']
    assert limit.get('o2_ref') == (float(row['o2_ref_percent']) if row['o2_ref_percent'] else None)
    assert limit['period'] == row['averaging']
    assert limit['confidence'] == row['confidence']
    assert document['tier'] == row['tier']
    assert row['document'].startswith(document['number'])
    assert limit['clause'].endswith(chinese_clause(row['clause']))
    assert POLLUTANT.get(limit['factor'], limit['factor']) == row['pollutant']
    sector = '.'.join(limit['key'].split('.')[:2])
    assert limit['sector'] == SECTOR.get(sector, sector)


@each_limit
def test_only_what_was_read_is_verified(name, limit):
    assert limit['confidence'] in ('seen1', 'seen2')
    assert limit['verified'] is True


@each_limit
def test_a_limit_has_numbers_as_floats(name, limit):
    numbers = [limit[key] for key in ('min', 'max', 'o2_ref', 'share_of_month') if key in limit]
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
    start = limit.get('in_force', LIMIT_FILES[name]['document']['in_force'])
    start = datetime.date.fromisoformat(start)
    assert 'until' not in limit or datetime.date.fromisoformat(limit['until']) > start


@each_limit
def test_the_95_percent_rule_is_that_of_ultra_low_steel_only(name, limit):
    rule = '95 %' in CATALOGUE[limit['key']]['qualifier']
    assert limit.get('share_of_month') == (0.95 if rule else None)


@each_limit
def test_ammonia_nitrogen_is_divided_at_12_degrees(name, limit):
    if limit['factor'] != 'nh3n':
        assert 'when' not in limit
    elif 'cold' in limit['key']:
        assert limit['when'] == {'factor': 'wtemp', 'at_most': 12.0}
    else:
        assert limit['when'] == {'factor': 'wtemp', 'above': 12.0}


def test_ph_moves_from_the_day_to_the_sample_without_a_gap():
    by_key = {limit['key']: limit for _, limit in LIMITS}
    assert by_key['wwtp.1a.general.ph-daily']['until'] == '2026-03-01'
    assert CATALOGUE['wwtp.1a.general.ph.instant']['effective'] == '2026-03-01'
    for _, limit in LIMITS:
        if limit['period'] == 'instant':
            assert limit['in_force'] == CATALOGUE[limit['key']]['effective']


def test_no_two_limits_share_a_key():
    keys = [limit['key'] for _, limit in LIMITS]
    assert len(keys) == len(set(keys)) > 0


def test_no_two_files_are_the_same_document_and_tier():
    documents = [(file['document']['number'], file['document']['tier']) for file in LIMIT_FILES.values()]
    assert len(documents) == len(set(documents))


def test_no_two_factors_share_a_key_or_a_code():
    assert len(FACTOR) == len(FACTORS)
    assert len({factor['code'] for factor in FACTORS}) == len(FACTORS)


def test_a_factor_weighs_by_flow_when_it_is_a_concentration_in_water():
    for factor in FACTORS:
        assert factor.get('flow_weighted', False) == (factor['unit'] == 'mg/L'), factor['key']
        assert factor['code'][0] == {'gas': 'a', 'water': 'w'}[factor['medium']], factor['key']


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
    # and none is there for nothing, unless points of other instruments take it
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
            assert any(LIMIT_FILES[name]['document']['tier'] == tier and
                       (outlet['sector'] + '.').startswith(limit['sector'] + '.') for name, limit in LIMITS)
