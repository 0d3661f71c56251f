/* publish_driver.c - an exceedance from its readings to the bureau in one program, so that any call can be made to fail
 * (failing.h): the parts of emisd from the store to the outbox, on the real main loop, with a real broker.
 *
 * publish_driver prepare CONF SHARE FOLDER
 *     Makes a store that ends at 08:58 of an hour far above its limit, with messages that were not sent yet.
 * publish_driver fail CONF SHARE FOLDER KIND FIRST STRIDE
 *     For n = FIRST, FIRST + STRIDE, ...: makes such a store as FOLDER/n, of the site KIND-n. One process goes on from
 *     08:58 to 09:01 while the nth call fails, and another one after it without a fault. Prints a line for each n:
 *     "run N STATUS STATUS" (0 no call failed, 3 a call failed); ends with the first n for which no call failed. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "daemon/config_audit.h"
#include "daemon/mqtt/outbox.h"
#include "daemon/rebuild.h"
#include "daemon/store/audit.h"
#include "daemon/store/raw.h"
#include "tests/fault/failing.h"

#define START 1772410020000LL  /* 2026-03-02T08:07:00+08:00 */
#define KILLED 1772413080000LL /* 08:58 */
#define END 1772413260000LL    /* 09:01: the hour is judged */
#define POLL_MS (5 * SECOND_MS)
#define LOOK_NS (5 * 1000000LL)
#define GOODBYE_MS 20
#define LOOKS_FAULTY 1000 /* 5 s: a failed record of acknowledgements is tried again after 1 s */
#define LOOKS_GOOD 2000   /* 10 s: a run without a fault that takes longer is an error */

struct path {
	struct site *site;
	struct clock clock;
	struct message_context context;
	struct store *store;
	struct recorder *recorder;
	struct pipeline *pipeline;
	struct loop *loop;
	struct outbox *outbox;
	struct loop_timer *look;
	int64_t pending;
	int looks; /* since `pending` changed */
	int most_looks;
};

static void set_clock(struct path *p, int64_t at_ms)
{
	clock_init_simulated(&p->clock, 1.0, (struct utc){ at_ms }, NAN);
}

/* What daemon.c does at the start. */
static int start(struct path *p, int64_t now_ms)
{
	char error[1500];

	set_clock(p, now_ms);
	p->context = (struct message_context){ p->site, &p->clock };
	p->store = store_open(p->site, &p->clock, error, sizeof(error));
	if (!p->store) {
		log_error("%s", error);
		return -1;
	}
	if (store_audit(p->store, "driver", "start", "", "") < 0 || config_audit(p->site, p->store) < 0) {
		log_error("%s", store_error(p->store));
		return -1;
	}
	p->recorder = recorder_create(&p->context, p->store);
	p->pipeline = p->recorder ? rebuild_pipeline(p->site, p->store, p->recorder, (struct utc){ now_ms }) : NULL;
	return p->pipeline ? 0 : -1;
}

static void step(struct path *p, int64_t now_ms)
{
	struct pipeline_sink sink = recorder_sink(p->recorder);

	set_clock(p, now_ms);
	while (pipeline_step(p->pipeline, (struct utc){ now_ms }, &sink)) {
		(void)recorder_commit(p->recorder, pipeline_closed_until(p->pipeline), false);
	}
}

/* SO2 far above the limit, at the oxygen of the reference. */
static void feed(struct path *p, int64_t from_ms, int64_t until_ms)
{
	static const char *const factors[] = { "so2", "o2" };
	static const double values[] = { 120.0, 16.0 };

	for (int64_t at = from_ms; at < until_ms; at += POLL_MS) {
		step(p, at);
		for (size_t i = 0; i < 2; i++) {
			struct raw_reading r = { .point = (size_t)outlet_point(&p->site->outlets[0], factors[i]),
				.reading = { { at }, values[i], FLAG_NORMAL } };
			(void)pipeline_add(p->pipeline, 0, r.point, &r.reading);
			store_raw_add(p->store, &r);
		}
		if (at % MINUTE_MS == 0) {
			(void)recorder_flush_raw(p->recorder);
		}
	}
	step(p, until_ms);
	(void)recorder_flush_raw(p->recorder);
	while (recorder_finish_raw(p->recorder, pipeline_closed_until(p->pipeline)) > 0) {
	}
	/* A commit that failed is tried again, as emisd does each minute. */
	for (int i = 0; i < 3 && recorder_commit(p->recorder, pipeline_closed_until(p->pipeline), true) < 0; i++) {
	}
}

static void on_parked(void *context, int64_t id, const char *reason)
{
	(void)context;
	(void)id;
	(void)reason;
}

static char *no_state(void *context, size_t index, char *topic)
{
	(void)context;
	(void)index;
	(void)topic;
	return NULL;
}

static void on_words(void *context, const char *words)
{
	(void)context;
	(void)words;
}

static void on_look(void *context)
{
	struct path *p = context;
	struct outbox_counts counts = { 0 };

	failing_suspend(true);
	int r = store_outbox_count(p->store, &counts);
	p->looks = r == 0 && counts.pending == p->pending ? p->looks + 1 : 0;
	p->pending = counts.pending;
	if ((r == 0 && counts.pending == 0) || p->looks > p->most_looks) {
		loop_stop(p->loop, 0);
	}
	failing_suspend(false);
	loop_set_timer(p->look, LOOK_NS);
}

/* Sends all pending messages. 0 when all arrived. */
static int publish(struct path *p)
{
	struct outbox_setup setup = { &p->context, p->store, NULL, { no_state, on_parked, on_words, on_words, p, 0 } };
	char error[256];

	p->loop = loop_create();
	setup.loop = p->loop;
	p->outbox = p->loop ? outbox_create(&setup, error, sizeof(error)) : NULL;
	p->look = p->outbox ? loop_add_timer(p->loop, on_look, p) : NULL;
	if (!p->look) {
		return -1;
	}
	p->pending = -1;
	loop_set_timer(p->look, LOOK_NS);
	(void)loop_run(p->loop);
	return p->pending == 0 ? 0 : -1;
}

static void finish(struct path *p)
{
	if (p->look) {
		loop_remove_timer(p->look);
	}
	(void)outbox_finish(p->outbox, GOODBYE_MS);
	pipeline_destroy(p->pipeline);
	recorder_destroy(p->recorder);
	store_close(p->store);
	loop_destroy(p->loop);
}

/* ---- processes ---- */

struct fault {
	enum failing_kind kind;
	long nth; /* 0 = none */
	bool lasting;
};

static int prepare(struct site *site, const struct fault *fault)
{
	struct path p = { .site = site };

	(void)fault;
	int r = start(&p, START);
	if (r == 0) {
		feed(&p, START, KILLED);
	}
	finish(&p);
	return r == 0 ? 0 : 1;
}

/* Exit status: 0 all arrived and no call failed, 3 a call failed, 1 a run without a fault went wrong. */
static int go_on(struct site *site, const struct fault *fault)
{
	struct path p = { .site = site, .most_looks = fault->nth ? LOOKS_FAULTY : LOOKS_GOOD };

	if (fault->nth) {
		failing_arm(fault->kind, fault->nth, fault->lasting);
	}
	int64_t now = fault->nth ? KILLED : END;
	int r = start(&p, now);
	if (r == 0) {
		feed(&p, now, END);
		r = publish(&p);
	}
	finish(&p);
	return failing_disarm() ? 3 : r == 0 ? 0 : 1;
}

/* Runs `what` in a child process. Its exit status, or 128 + signal. */
static int run(int (*what)(struct site *site, const struct fault *fault), struct site *site, const struct fault *fault,
	const char *folder)
{
	int status = 0;

	snprintf(site->store.path, sizeof(site->store.path), "%s", folder);
	pid_t child = fork();
	if (child == 0) {
		exit(what(site, fault));
	}
	if (child < 0 || waitpid(child, &status, 0) < 0) {
		return 1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int fail_each(struct site *site, char **argv)
{
	const char *folder = argv[0], *name = argv[1], *dash = strchr(name, '-');
	struct fault fault = { .nth = strtol(argv[2], NULL, 10), .lasting = dash != NULL };
	struct fault none = { 0 };
	long stride = strtol(argv[3], NULL, 10);

	while (fault.kind < FAIL_KINDS && strncmp(failing_kind_names[fault.kind], name, strcspn(name, "-")) != 0) {
		fault.kind++;
	}
	for (int first = 3; fault.kind < FAIL_KINDS && stride > 0 && first != 0; fault.nth += stride) {
		char path[PATH_SIZE];
		snprintf(site->id, sizeof(site->id), "%s-%ld", name, fault.nth);
		snprintf(path, sizeof(path), "%s/%ld", folder, fault.nth);
		if (run(prepare, site, &none, path) != 0) {
			return 1;
		}
		first = run(go_on, site, &fault, path);
		int second = run(go_on, site, &none, path);
		printf("run %ld %d %d\n", fault.nth, first, second);
		(void)fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct conf_errors errors = { 0 }, warnings = { 0 };
	struct fault none = { 0 };

	failing_init();
	if (!(argc == 5 && strcmp(argv[1], "prepare") == 0) && !(argc == 8 && strcmp(argv[1], "fail") == 0)) {
		fputs("Usage: publish_driver prepare CONF SHARE FOLDER\n"
		      "       publish_driver fail CONF SHARE FOLDER KIND FIRST STRIDE\n",
			stderr);
		return 2;
	}
	struct site *site = site_load(argv[2], argv[3], &errors, &warnings);
	for (size_t i = 0; i < errors.n; i++) {
		fprintf(stderr, "%s\n", errors.lines[i]);
	}
	conf_errors_finish(&errors);
	conf_errors_finish(&warnings);
	int r = !site ? 1 : argc == 5 ? run(prepare, site, &none, argv[4]) : fail_each(site, argv + 4);
	site_free(site);
	return r;
}
