#include "daemon/store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/statvfs.h>

#include "daemon/store/aggregate_internal.h"
#include "daemon/store/chain_internal.h"
#include "daemon/store/numbers_internal.h"
#include "daemon/store/raw_internal.h"
#include "daemon/store/state_internal.h"

const char *store_error(const struct store *store)
{
	return store->error;
}

const char *store_boot(const struct store *store)
{
	return store->boot;
}

int store_out_of_memory(struct store *store)
{
	snprintf(store->error, sizeof(store->error), "out of memory");
	return -ENOMEM;
}

static void read_boot_id(struct store *store)
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!file || !fgets(store->boot, sizeof(store->boot), file)) {
		/* Each run then counts as a boot of its own: two boots must not have the same id. */
		uint64_t random = 0;
		(void)!getrandom(&random, sizeof(random), 0); /* 8 bytes are always given */
		snprintf(store->boot, sizeof(store->boot), "run-%016llx", (unsigned long long)random);
	}
	store->boot[strcspn(store->boot, "\n")] = '\0';
	if (file) {
		fclose(file);
	}
}

/* Adds the disk and its room to the error: SQLite's message for a full disk does not name the disk. */
static void explain_space(struct store *store)
{
	struct statvfs fs;
	size_t n = strlen(store->error);

	if (statvfs(store->site->store.path, &fs) == 0 && fs.f_bavail * fs.f_frsize < (fsblkcnt_t)1 << 20) {
		snprintf(store->error + n, sizeof(store->error) - n,
			"; the disk of %s has %llu KiB free: make room and start again", store->site->store.path,
			(unsigned long long)(fs.f_bavail * fs.f_frsize / 1024));
	}
}

/* Stores the offset of local time: copies of the store are read without the configuration. */
static int remember_offset(struct store *store)
{
	char *stored = store_meta_text(store, "offset_min"), now[16];

	snprintf(now, sizeof(now), "%d", store->site->judging.offset_min);
	int r = stored && strcmp(stored, now) == 0 ? 0 : store_set_meta(store, "offset_min", now);
	free(stored);
	return r;
}

/* Opens each part after those that it uses. 0 or -errno. */
static int open_parts(struct store *store)
{
	int r = store_folder_take(store);

	if (r < 0) {
		return r;
	}
	r = store_numbers_open(store);
	r = r == 0 ? store_space_open(store) : r;
	r = r == 0 ? store_raw_open(store) : r;
	r = r == 0 ? store_aggregate_open(store) : r;
	r = r == 0 ? store_packing_open(store) : r;
	r = r == 0 ? store_state_open(store) : r;
	r = r == 0 ? store_audits_open(store) : r;
	r = r == 0 ? store_alarms_open(store) : r;
	r = r == 0 ? store_outbox_open(store) : r;
	r = r == 0 ? store_chain_open(store) : r;
	r = r == 0 ? store_key_open(store) : r;
	r = r == 0 ? remember_offset(store) : r;
	return r == 0 ? store_state_use(store) : r;
}

struct store *store_open(const struct site *site, const struct clock *clock, char *error, size_t size)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store) {
		snprintf(error, size, "out of memory");
		return NULL;
	}
	store->site = site;
	store->clock = clock;
	store->lock_fd = -1;
	for (size_t i = 0; i < site->n_outlets; i++) {
		store->n_points += site->outlets[i].n_points;
	}
	read_boot_id(store);
	if (open_parts(store) < 0) {
		explain_space(store);
		snprintf(error, size, "%s", store->error);
		store_close(store);
		return NULL;
	}
	/* From now on the main loop uses the files, and must not wait long for a program that holds one of them. Only
	 * state.db is open yet. */
	store->bounded = true;
	store_db_bound_waits(store_state_db(store), &store->busy);
	return store;
}

void store_close(struct store *store)
{
	if (!store) {
		return;
	}
	store_raw_close(store);
	store_aggregate_close(store);
	store_packing_close(store);
	store_key_close(store);
	store_chain_close(store);
	store_outbox_close(store);
	store_alarms_close(store);
	store_audits_close(store);
	store_state_close(store);
	store_space_close(store);
	store_numbers_close(store);
	store_folder_release(store);
	free(store);
}
