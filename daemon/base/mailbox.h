/* mailbox.h - a bounded queue of fixed-size messages from many threads to the main loop.
 * A descriptor wakes the main loop. Any thread may post or offer; only the main loop takes messages out. */
#ifndef EMIS_DAEMON_BASE_MAILBOX_H
#define EMIS_DAEMON_BASE_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>

struct mailbox;

/* Room for `capacity` messages of `size` bytes. NULL when out of memory or descriptors. */
struct mailbox *mailbox_create(size_t capacity, size_t size);
void mailbox_destroy(struct mailbox *box);

/* Copies the message in. While the box is full the sender waits, because no reading may be lost. `more`: the same
 * sender posts another message at once, so the main loop need not be woken for this one. False when the box is closed;
 * the message is then not stored. */
bool mailbox_post(struct mailbox *box, const void *message, bool more);

/* Like mailbox_post(), but never waits: false when the box is full or closed. For messages that may be lost. */
bool mailbox_offer(struct mailbox *box, const void *message);

/* Copies the oldest message out; false when there is none. */
bool mailbox_take(struct mailbox *box, void *ret_message);

/* From now on the box accepts no message, and waiting senders return. */
void mailbox_close(struct mailbox *box);

/* The descriptor that is readable while messages wait. The box owns it. */
int mailbox_fd(const struct mailbox *box);

#endif
