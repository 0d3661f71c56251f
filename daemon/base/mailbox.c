#include "daemon/base/mailbox.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct mailbox {
	pthread_mutex_t lock;
	pthread_cond_t room;
	int fd;
	bool closed;
	bool wake_pending; /* a message waits for which the main loop was not woken yet */
	size_t size;
	size_t capacity;
	size_t first;
	size_t n;
	unsigned char *slots;
};

struct mailbox *mailbox_create(size_t capacity, size_t size)
{
	struct mailbox *box = calloc(1, sizeof(*box));

	if (!box) {
		return NULL;
	}
	pthread_mutex_init(&box->lock, NULL);
	pthread_cond_init(&box->room, NULL);
	box->capacity = capacity;
	box->size = size;
	box->slots = calloc(capacity, size);
	box->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!box->slots || box->fd < 0) {
		mailbox_destroy(box);
		return NULL;
	}
	return box;
}

void mailbox_destroy(struct mailbox *box)
{
	if (!box) {
		return;
	}
	if (box->fd >= 0) {
		close(box->fd);
	}
	pthread_cond_destroy(&box->room);
	pthread_mutex_destroy(&box->lock);
	free(box->slots);
	free(box);
}

static void wake_reader(struct mailbox *box)
{
	const uint64_t one = 1;

	/* Cannot fail: each read sets the counter back to 0, so that it never overflows. */
	ssize_t n = write(box->fd, &one, sizeof(one));
	(void)n;
	box->wake_pending = false;
}

/* The caller holds the lock and has checked that there is room. */
static void put_message(struct mailbox *box, const void *message, bool more)
{
	size_t slot = (box->first + box->n) % box->capacity;

	memcpy(box->slots + slot * box->size, message, box->size);
	box->wake_pending |= box->n == 0;
	box->n++;
	if (box->wake_pending && !more) {
		wake_reader(box);
	}
}

bool mailbox_offer(struct mailbox *box, const void *message)
{
	pthread_mutex_lock(&box->lock);
	bool good = box->n < box->capacity && !box->closed;
	if (good) {
		put_message(box, message, false);
	}
	pthread_mutex_unlock(&box->lock);
	return good;
}

bool mailbox_post(struct mailbox *box, const void *message, bool more)
{
	pthread_mutex_lock(&box->lock);
	while (box->n == box->capacity && !box->closed) {
		if (box->wake_pending) {
			wake_reader(box);
		}
		pthread_cond_wait(&box->room, &box->lock);
	}
	bool open = !box->closed;
	if (open) {
		put_message(box, message, more);
	}
	pthread_mutex_unlock(&box->lock);
	return open;
}

bool mailbox_take(struct mailbox *box, void *ret_message)
{
	uint64_t count;

	pthread_mutex_lock(&box->lock);
	bool found = box->n > 0;
	if (found) {
		memcpy(ret_message, box->slots + box->first * box->size, box->size);
		box->first = (box->first + 1) % box->capacity;
		box->n--;
		pthread_cond_signal(&box->room);
	} else {
		/* The box is empty: reset the counter, so that the next post wakes the loop again. The read may fail:
		 * then the counter was 0 already. */
		ssize_t n = read(box->fd, &count, sizeof(count));
		(void)n;
	}
	pthread_mutex_unlock(&box->lock);
	return found;
}

void mailbox_close(struct mailbox *box)
{
	pthread_mutex_lock(&box->lock);
	box->closed = true;
	pthread_cond_broadcast(&box->room);
	pthread_mutex_unlock(&box->lock);
}

int mailbox_fd(const struct mailbox *box)
{
	return box->fd;
}
