/* reading.c - steps of a reading before it enters its minute: unit, dry basis, standard state, volume. */
#include <math.h>
#include <string.h>

#include "core/convert.h"
#include "core/pipeline_state.h"

/* The auxiliary value (temperature, pressure, humidity) for a reading taken at `at`. An unknown value is NAN with a
 * flag that says why. A value that is too old is unknown, as that of a silent instrument is. */
static struct reading auxiliary(const struct pipeline *p, const struct outlet_state *outlet, int index, struct utc at)
{
	struct reading unknown = { .at = at, .value = NAN, .flag = FLAG_FAULT };

	if (index < 0) {
		return unknown;
	}
	const struct reading *r = &outlet->points[index].latest;
	if (!reading_counts(r)) {
		unknown.flag = r->flag; /* not N: reading_to_unit() gives D to a value that is not a number */
		return unknown;
	}
	if (at.ms - r->at.ms > p->settings.aux_age_ms) {
		unknown.flag = FLAG_NO_COMM;
		return unknown;
	}
	return (struct reading){ .at = at, .value = r->value, .flag = FLAG_NORMAL };
}

struct reading reading_to_dry_standard(const struct pipeline *p, const struct outlet_state *outlet,
	const struct point *conf, const struct reading *measured)
{
	struct reading dry = *measured;

	if (!reading_counts(measured)) {
		dry.value = NAN;
		return dry;
	}
	if (conf->actual) {
		struct reading temperature = auxiliary(p, outlet, outlet->temperature, measured->at);
		struct reading pressure = auxiliary(p, outlet, outlet->pressure, measured->at);
		if (!reading_counts(&temperature) || !reading_counts(&pressure)) {
			return reading_counts(&temperature) ? pressure : temperature;
		}
		dry.value = convert_to_standard(
			dry.value, temperature.value, outlet->conf->barometric_pa, pressure.value * PA_PER_KPA);
	}
	if (conf->wet) {
		struct reading humidity = auxiliary(p, outlet, outlet->humidity, measured->at);
		if (!reading_counts(&humidity)) {
			return humidity;
		}
		dry.value = convert_to_dry(dry.value, humidity.value / PERCENT);
	}
	if (!isfinite(dry.value)) {
		dry = (struct reading){ .at = measured->at, .value = NAN, .flag = FLAG_FAULT };
	}
	return dry;
}

void reading_to_unit(const struct pipeline *p, const struct point *conf, struct reading *reading)
{
	reading->value = point_in_unit(conf, reading->value);
	/* No gas holds less than 0 % oxygen. Values within the zero drift of the analyser are kept:
	 * convert_oxygen_shown() takes them for 0. */
	bool below_zero = strcmp(conf->factor->key, "o2") == 0 && reading->value < -p->settings.o2_zero_drift;
	bool impossible = !isfinite(reading->value) || (conf->has_least && reading->value < conf->least) || below_zero;
	if (impossible && reading->flag == FLAG_NORMAL) {
		reading->flag = FLAG_FAULT;
	}
}

bool reading_count_volume(struct point_state *state, struct reading *reading)
{
	double before = state->counter, wrap = state->conf->counter_wrap;

	if (!reading_counts(reading)) {
		reading->value = NAN;
		return true;
	}
	state->counter = reading->value;
	double volume = reading->value - before;
	if (volume < 0.0 && before > 0.9 * wrap && reading->value < 0.1 * wrap) {
		volume += wrap;
	}
	reading->value = volume;
	return volume >= 0.0; /* false for NAN, too */
}
