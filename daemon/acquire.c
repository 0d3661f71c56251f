#include "daemon/acquire.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "core/plan.h"
#include "daemon/base/backoff.h"
#include "daemon/store/raw.h"

/* When the result of a channel last changed. An instrument that makes a result only now and then gives its time in
 * registers; a time that does not change shows that the result is old. */
struct freshness {
	uint16_t stamp[FIELD_REGISTERS]; /* the registers of the newest result time */
	bool seen;                       /* a stamp was read since emisd started */
	struct utc since;                /* when this stamp was first read */
};

/* The newest answers of an instrument and the feeds that take their values from them. */
struct image {
	struct answer *answers; /* by request */
	struct utc *at;         /* by request: the moment of the answer */
	bool *fresh;            /* by request: the answer came with this poll */
	const struct feed **feeds;
	size_t n_feeds;
	struct freshness *freshness; /* by channel */
	uint64_t *logged_codes;      /* by status: the unknown code that was logged last, + 1; 0 = none */
};

struct acquire {
	const struct site *site;
	struct pipeline *pipeline;
	struct store *store;
	int64_t offset_ms;    /* wall clock minus monotonic clock */
	bool clock_set;       /* false while readings are stored under monotonic stamps */
	struct image *images; /* by instrument */
	struct backoff late;  /* counts readings that came too late or too early for their minute */
};

static bool fill_image(const struct site *site, size_t instrument, struct image *image)
{
	const struct profile *profile = site->instruments[instrument].profile;
	size_t n_feeds = 0;

	image->answers = calloc(profile->n_requests + 1, sizeof(*image->answers));
	image->at = calloc(profile->n_requests + 1, sizeof(*image->at));
	image->fresh = calloc(profile->n_requests + 1, sizeof(*image->fresh));
	for (size_t i = 0; i < site->n_feeds; i++) {
		n_feeds += site->feeds[i].instrument == instrument;
	}
	image->feeds = calloc(n_feeds + 1, sizeof(const struct feed *));
	image->freshness = calloc(profile->n_channels + 1, sizeof(*image->freshness));
	image->logged_codes = calloc(profile->n_statuses + 1, sizeof(*image->logged_codes));
	if (!image->answers || !image->at || !image->fresh || !image->feeds || !image->freshness ||
		!image->logged_codes) {
		return false;
	}
	for (size_t i = 0; i < site->n_feeds; i++) {
		if (site->feeds[i].instrument == instrument) {
			image->feeds[image->n_feeds++] = &site->feeds[i];
		}
	}
	return true;
}

struct acquire *acquire_create(const struct site *site, struct store *store)
{
	struct acquire *a = calloc(1, sizeof(*a));

	if (!a) {
		return NULL;
	}
	a->site = site;
	a->store = store;
	backoff_init(&a->late, 1, 1);
	a->images = calloc(site->n_instruments + 1, sizeof(*a->images));
	for (size_t i = 0; a->images && i < site->n_instruments; i++) {
		if (!fill_image(site, i, &a->images[i])) {
			acquire_destroy(a);
			return NULL;
		}
	}
	if (!a->images) {
		acquire_destroy(a);
		return NULL;
	}
	return a;
}

void acquire_set_target(struct acquire *a, struct pipeline *pipeline, int64_t offset_ms, bool clock_set)
{
	int64_t moved_ms = offset_ms - a->offset_ms;

	a->pipeline = pipeline;
	a->offset_ms = offset_ms;
	a->clock_set = clock_set;
	for (size_t i = 0; moved_ms != 0 && i < a->site->n_instruments; i++) {
		const struct profile *profile = a->site->instruments[i].profile;
		for (size_t k = 0; k < profile->n_requests; k++) {
			a->images[i].at[k].ms += moved_ms;
		}
		for (size_t k = 0; k < profile->n_channels; k++) {
			a->images[i].freshness[k].since.ms += moved_ms;
		}
	}
}

void acquire_destroy(struct acquire *a)
{
	if (!a) {
		return;
	}
	for (size_t i = 0; a->images && i < a->site->n_instruments; i++) {
		free(a->images[i].answers);
		free(a->images[i].at);
		free(a->images[i].fresh);
		free(a->images[i].feeds);
		free(a->images[i].freshness);
		free(a->images[i].logged_codes);
	}
	free(a->images);
	free(a);
}

static void file_reading(struct acquire *a, const struct feed *feed, const struct reading *reading)
{
	struct raw_reading raw = { .outlet = feed->outlet, .point = feed->point, .reading = *reading };
	enum pipeline_filed filed = pipeline_add(a->pipeline, feed->outlet, feed->point, reading);

	raw.late = a->clock_set && filed != PIPELINE_FILED;
	if (!a->clock_set) {
		raw.reading.at.ms -= a->offset_ms;
	}
	store_raw_add(a->store, &raw);
	if (raw.late) {
		(void)backoff_next(&a->late);
		if (backoff_worth_a_line(&a->late)) {
			log_warning("a reading of %s came %s its minute was open: it is stored, but no mean includes "
				    "it (%u so far)",
				a->site->instruments[feed->instrument].name,
				filed == PIPELINE_LATE ? "after" : "before", a->late.failures);
		}
	}
}

/* Logs each status code that the profile does not know; the same code is not logged twice in a row. */
static void log_unknown_codes(const struct acquire *a, size_t instrument)
{
	const struct profile *profile = a->site->instruments[instrument].profile;
	struct image *image = &a->images[instrument];
	uint64_t code;
	enum flag flag;

	for (size_t i = 0; i < profile->n_statuses; i++) {
		const struct status *status = &profile->statuses[i];
		if (decode_status(profile, status, image->answers, &flag, &code) ||
			image->logged_codes[i] == code + 1) {
			continue;
		}
		image->logged_codes[i] = code + 1;
		log_warning(
			"instrument %s: its status \"%s\" is %llu (0x%llX), which profile %s does not know; flag %c",
			a->site->instruments[instrument].name, status->name, (unsigned long long)code,
			(unsigned long long)code, profile->name, flag_letter(flag));
	}
}

/* The gravest flag that the statuses of other instruments give to this point, as its `flags` are configured. */
static enum flag flag_from_others(const struct acquire *a, const struct feed *feed)
{
	enum flag gravest = FLAG_NORMAL, flag;
	uint64_t code;

	for (size_t i = 0; i < feed->n_flags; i++) {
		const struct feed_flag *f = &feed->flags[i];
		(void)decode_status(a->site->instruments[f->instrument].profile, f->status,
			a->images[f->instrument].answers, &flag, &code); /* an unknown code sets the flag, too */
		gravest = flag_worse(gravest, flag);
	}
	return gravest;
}

/* How old a channel's result is, by its result time. */
struct result {
	/* The result is not older than the profile allows. An instrument that makes no new result shows its last one
	 * for ever. */
	bool is_current;
	bool is_new;   /* the result time differs from that of the poll before, or this is the first poll */
	bool first;    /* no result time was read before since emisd started */
	struct utc at; /* the result time where it can be decoded and is plausible; else the moment of the reading */
};

/* Accepts result times from one day before `now` to five minutes after it: an instrument's clock that is further off
 * cannot be used. */
static bool is_plausible(struct utc at, struct utc now)
{
	return at.ms <= now.ms + 5 * MINUTE_MS && at.ms > now.ms - DAY_MS;
}

static struct result look_at_result(
	const struct acquire *a, const struct feed *feed, struct image *image, const struct reading *reading)
{
	const struct profile *profile = a->site->instruments[feed->instrument].profile;
	const struct channel *channel = feed->channel;
	struct freshness *f = &image->freshness[channel - profile->channels];
	struct result result = { .is_current = true, .is_new = true, .at = reading->at };
	struct utc at;

	if (channel->max_age_ms == 0) {
		return result;
	}
	const uint16_t *stamp = decode_registers(profile, &channel->result_time, image->answers);
	if (!stamp) {
		return (struct result){ .at = reading->at };
	}
	size_t bytes = channel->result_time.registers * sizeof(*stamp);
	result.first = !f->seen;
	result.is_new = result.first || memcmp(f->stamp, stamp, bytes) != 0;
	if (result.is_new) {
		memcpy(f->stamp, stamp, bytes);
		f->since = reading->at;
		f->seen = true;
	}
	result.is_current = reading->at.ms - f->since.ms <= channel->max_age_ms;
	if (decode_result_time(channel->result_time_format, stamp, a->site->judging.offset_min, &at) &&
		is_plausible(at, reading->at)) {
		result.at = at;
	}
	return result;
}

/* True when the result was filed before. Each result of a discrete analyser belongs to its own time and counts once; a
 * restarted emisd asks the pipeline whether an earlier run filed it. */
static bool already_filed(const struct acquire *a, const struct feed *feed, const struct result *result)
{
	return !result->is_new ||
		(result->first && pipeline_has_filed(a->pipeline, feed->outlet, feed->point, result->at));
}

static void read_feed(struct acquire *a, const struct feed *feed, struct image *image, struct utc at)
{
	const struct profile *profile = a->site->instruments[feed->instrument].profile;
	const struct request *request = plan_request_of(profile, &feed->channel->field);
	bool discrete = a->site->outlets[feed->outlet].points[feed->point].cycle_ms > 0;
	struct reading reading = { .at = at };
	/* `request` is NULL for a driver: its first request stands for all. */
	size_t index = request ? (size_t)(request - profile->requests) : 0;

	if (!image->fresh[index]) {
		return; /* not read by this poll (slow registers): the value was filed when it was read */
	}
	reading.at = image->at[index];
	decode_channel(profile, feed->channel, image->answers, &reading.value, &reading.flag);
	if (reading_counts(&reading)) {
		struct result result = look_at_result(a, feed, image, &reading);
		if (!result.is_current) {
			reading.value = NAN;
			reading.flag = FLAG_FAULT;
		} else if (discrete) {
			if (already_filed(a, feed, &result)) {
				return;
			}
			reading.at = result.at;
		}
	}
	reading.flag = flag_worse(reading.flag, flag_from_others(a, feed));
	file_reading(a, feed, &reading);
}

void acquire_take_report(struct acquire *a, const struct link_report *report)
{
	struct image *image = &a->images[report->instrument];
	size_t n_requests = a->site->instruments[report->instrument].profile->n_requests;
	struct utc at = { report->at.ms + a->offset_ms };

	image->answers[report->request] = report->answer;
	image->at[report->request] = at;
	image->fresh[report->request] = true;
	if (!report->last) {
		return;
	}
	log_unknown_codes(a, report->instrument);
	for (size_t i = 0; i < image->n_feeds; i++) {
		read_feed(a, image->feeds[i], image, at);
	}
	memset(image->fresh, 0, n_requests * sizeof(*image->fresh));
}

const struct answer *acquire_answers(const struct acquire *a, size_t instrument, const struct utc **ret_at)
{
	*ret_at = a->images[instrument].at;
	return a->images[instrument].answers;
}
