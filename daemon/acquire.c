#include "daemon/acquire.h"

#include <stdlib.h>

#include "common/log.h"
#include "core/plan.h"
#include "daemon/backoff.h"

/* The newest answers of an instrument, by request, and who wants what of them. */
struct image {
	struct answer *answers;
	struct utc *at;
	const struct feed **feeds;
	size_t n_feeds;
};

struct acquire {
	const struct site *site;
	struct pipeline *pipeline;
	struct store *store;
	struct image *images; /* by instrument */
	struct backoff late;  /* counts readings that came too late or too early */
};

static bool fill_image(const struct site *site, size_t instrument, struct image *image)
{
	const struct profile *profile = site->instruments[instrument].profile;

	image->answers = calloc(profile->n_requests + 1, sizeof(*image->answers));
	image->at = calloc(profile->n_requests + 1, sizeof(*image->at));
	image->feeds = calloc(site->n_feeds + 1, sizeof(const struct feed *));
	if (!image->answers || !image->at || !image->feeds) {
		return false;
	}
	for (size_t i = 0; i < site->n_feeds; i++) {
		if (site->feeds[i].instrument == instrument) {
			image->feeds[image->n_feeds++] = &site->feeds[i];
		}
	}
	return true;
}

struct acquire *acquire_create(const struct site *site, struct pipeline *pipeline, struct store *store)
{
	struct acquire *a = calloc(1, sizeof(*a));

	if (!a) {
		return NULL;
	}
	a->site = site;
	a->pipeline = pipeline;
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

void acquire_destroy(struct acquire *a)
{
	if (!a) {
		return;
	}
	for (size_t i = 0; a->images && i < a->site->n_instruments; i++) {
		free(a->images[i].answers);
		free(a->images[i].at);
		free(a->images[i].feeds);
	}
	free(a->images);
	free(a);
}

static void file_reading(struct acquire *a, const struct feed *feed, const struct reading *reading)
{
	struct raw_reading raw = { .outlet = feed->outlet, .point = feed->point, .reading = *reading };
	enum pipeline_filed filed = pipeline_add(a->pipeline, feed->outlet, feed->point, reading);

	raw.late = filed != PIPELINE_FILED;
	store_raw_add(a->store, &raw);
	if (raw.late) {
		(void)backoff_next(&a->late);
		if (backoff_worth_a_line(&a->late)) {
			log_warning("a reading of %s came %s its minute; it is stored, but part of no mean (%u so far)",
				a->site->instruments[feed->instrument].name,
				filed == PIPELINE_LATE ? "after" : "before", a->late.failures);
		}
	}
}

void acquire_take(struct acquire *a, const struct link_report *report)
{
	struct image *image = &a->images[report->instrument];
	const struct profile *profile = a->site->instruments[report->instrument].profile;

	image->answers[report->request] = report->answer;
	image->at[report->request] = report->at;
	if (!report->last) {
		return;
	}
	for (size_t i = 0; i < image->n_feeds; i++) {
		const struct feed *feed = image->feeds[i];
		const struct request *request = plan_request_of(profile, &feed->channel->field);
		struct reading reading = { .at = report->at };
		if (request) {
			reading.at = image->at[request - profile->requests];
		}
		decode_channel(profile, feed->channel, image->answers, &reading.value, &reading.flag);
		file_reading(a, feed, &reading);
	}
}
