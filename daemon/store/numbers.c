/* numbers.c - the highest numbers that may have left the box, in a file beside state.db: when state.db is damaged, or
 * has lost its newest commits, none of these numbers is given again. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "common/log.h"
#include "daemon/store/numbers_internal.h"

#define NUMBERS "numbers"
#define SIZE 64 /* within one sector, so the disk writes all of it or nothing */
#define FORMAT "alarm %" PRId64 " checkpoint %" PRId64 " crc %08lx\n"

struct store_numbers {
	int fd; /* -1 while the file cannot be used */
	int64_t event;
	int64_t checkpoint;
};

static void compose(int64_t event, int64_t checkpoint, char text[SIZE])
{
	int64_t numbers[] = { event, checkpoint };

	memset(text, '\n', SIZE);
	int n = snprintf(text, SIZE, FORMAT, event, checkpoint,
		(unsigned long)crc32(0, (const unsigned char *)numbers, sizeof(numbers)));
	text[n] = '\n';
}

static bool parse(const char text[SIZE], struct store_numbers *numbers)
{
	char copy[SIZE + 1], expected[SIZE];

	memcpy(copy, text, SIZE);
	copy[SIZE] = '\0';
	if (sscanf(copy, "alarm %" SCNd64 " checkpoint %" SCNd64, &numbers->event, &numbers->checkpoint) != 2) {
		return false;
	}
	compose(numbers->event, numbers->checkpoint, expected);
	return memcmp(text, expected, SIZE) == 0;
}

int store_numbers_open(struct store *store)
{
	struct store_numbers *numbers = calloc(1, sizeof(*numbers)), found = { 0 };
	char path[PATH_SIZE * 2], text[SIZE];

	store->numbers = numbers;
	if (!numbers) {
		return store_out_of_memory(store);
	}
	store_path(store, NUMBERS, path, sizeof(path));
	numbers->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (numbers->fd < 0) {
		log_warning(
			"%s cannot be opened: %s; it is needed only when state.db is damaged", path, strerror(errno));
		return 0;
	}
	ssize_t n = pread(numbers->fd, text, sizeof(text), 0);
	if (n == SIZE && parse(text, &found)) {
		numbers->event = found.event;
		numbers->checkpoint = found.checkpoint;
	} else if (n != 0) {
		log_warning("%s is damaged and begins anew; it is needed only when state.db is damaged, too", path);
	}
	if (n == 0) {
		(void)store_sync_folder(store); /* a failure is harmless: the next start makes the file again */
	}
	return 0;
}

void store_numbers_keep(struct store *store, int64_t event, int64_t checkpoint)
{
	struct store_numbers *numbers = store->numbers;
	char text[SIZE];

	if (event <= numbers->event && checkpoint <= numbers->checkpoint) {
		return;
	}
	numbers->event = event > numbers->event ? event : numbers->event;
	numbers->checkpoint = checkpoint > numbers->checkpoint ? checkpoint : numbers->checkpoint;
	compose(numbers->event, numbers->checkpoint, text);
	/* A failure is not reported: the commit stands without it, and the next commit fails on the same disk. */
	if (numbers->fd >= 0 && pwrite(numbers->fd, text, sizeof(text), 0) == (ssize_t)sizeof(text) &&
		!store->site->store.no_sync) {
		(void)fdatasync(numbers->fd);
	}
}

int64_t store_numbers_event(const struct store *store)
{
	return store->numbers->event;
}

int64_t store_numbers_checkpoint(const struct store *store)
{
	return store->numbers->checkpoint;
}

void store_numbers_close(struct store *store)
{
	if (!store->numbers) {
		return;
	}
	if (store->numbers->fd >= 0) {
		close(store->numbers->fd);
	}
	free(store->numbers);
	store->numbers = NULL;
}
