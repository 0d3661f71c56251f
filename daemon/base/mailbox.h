/* mailbox.h - a bounded queue of fixed-size messages from many threads to the main loop.
 * The main loop is woken through a descriptor; it alone takes. */
#ifndef EMIS_DAEMON_BASE_MAILBOX_H
#define EMIS_DAEMON_BASE_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>

struct mailbox;

/* Room for `capacity` messages of `size` bytes. NULL when out of memory or descriptors. */
struct mailbox *mailbox_create(size_t capacity, size_t size);
void mailbox_destroy(struct mailbox *box);

/* Copies the message in. While the box is full the sender waits: the reader is behind and no reading may be lost.
 * `more`: another message of the same sender follows at once, so nobody need be woken for this one. False, with
 * nothing done, once the box is closed. */
bool mailbox_post(struct mailbox *box, const void *message, bool more);

/* The same without waiting: false when the box is full or closed. For what may be lost. */
bool mailbox_offer(struct mailbox *box, const void *message);

/* Copies the oldest message out; false when there is none. */
bool mailbox_take(struct mailbox *box, void *ret_message);

/* No message goes in any more; waiting senders return. */
void mailbox_close(struct mailbox *box);

/* Readable while messages wait. */
int mailbox_fd(const struct mailbox *box);

#endif
