/* readings_rig.h - a store with an outlet of three points, and the readings that went in and came out; a failure
 * ends the test. */
#ifndef EMIS_TESTS_UNIT_READINGS_RIG_H
#define EMIS_TESTS_UNIT_READINGS_RIG_H

#include "daemon/store/raw.h"
#include "tests/unit/store_rig.h"

#define HOUR(n) (EIGHT + (n)*HOUR_MS)
#define READINGS_MOST 20000

struct readings_rig {
	struct store_rig on;
	struct raw_reading sent[READINGS_MOST];
	size_t n_sent;
	struct raw_reading got[READINGS_MOST];
	size_t n_got;
	char words[4096]; /* of the verifier */
};

/* For cmocka: *state is a rig with an open store. */
int readings_rig_set_up(void **state);
int readings_rig_tear_down(void **state);

/* Gives the store a reading; with FLAG_MANUAL it is late. */
void readings_send(struct readings_rig *rig, size_t point, int64_t at_ms, double value, enum flag flag);
/* Polls all points every 2 s from `from_ms` on for `n` polls, written every 10 s. */
void readings_send_hours(struct readings_rig *rig, int64_t from_ms, int n);
/* Finishes the hours before `until_ms`; returns the number of calls. */
int readings_finish(struct readings_rig *rig, int64_t until_ms);

/* Replays all and returns the number of damaged chunks. */
int readings_replay(struct readings_rig *rig);
/* Expects that the readings come back as they were sent, bit for bit. */
void readings_expect_all(struct readings_rig *rig);

/* The number that a query of a file of the store gives, -1 without a row. */
int64_t readings_query(struct readings_rig *rig, const char *file, const char *sql);
/* How many files were found damaged since the store was opened. */
unsigned readings_damages(struct readings_rig *rig);

/* Two finished hours, a few audit rows, two checkpoints; the store is closed. */
void readings_make_history(struct readings_rig *rig);
void readings_checkpoint(struct readings_rig *rig);
/* Runs the verifier, with an option unless NULL, on the closed store; its exit status, and its words in rig->words. */
int readings_verify(struct readings_rig *rig, const char *option, const char *value);

#endif
