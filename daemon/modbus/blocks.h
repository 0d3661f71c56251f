/* blocks.h - the blocks of registers that are actually read: the profile's plan without what the device refuses.
 *
 * Devices answer exception 2 or 3 for a whole block when one register of it does not exist. Such a block is cut in two,
 * again and again, until the bad field stands alone. That field is asked again at growing intervals, and the others are
 * read without it. Pure. */
#ifndef EMIS_DAEMON_MODBUS_BLOCKS_H
#define EMIS_DAEMON_MODBUS_BLOCKS_H

#include "core/decode.h"
#include "daemon/base/backoff.h"

struct block {
	struct request request;
	size_t planned; /* index in the profile's requests */
	bool refused;
	uint8_t exception;    /* the device's answer to a refused block */
	struct backoff again; /* waits between two questions for a refused block */
	int64_t again_ms;     /* a refused block is not asked before this time */
};

struct blocks {
	const struct profile *profile;
	struct block *list; /* in the order of the plan */
	size_t n;
	size_t room;
	size_t logged; /* the largest number of refused blocks that was logged */
};

/* Starts with the profile's plan. False when out of memory. */
bool blocks_init(struct blocks *blocks, const struct profile *profile);
void blocks_finish(struct blocks *blocks);

/* Goes back to the profile's plan, because refused registers may exist now. */
void blocks_reset(struct blocks *blocks);

/* True when the device says that registers of the block do not exist (exception 2 or 3). */
bool blocks_is_refusal(const struct answer *answer);

/* Replaces a block by its two halves. False when the block holds only one field, or when out of memory. */
bool blocks_split(struct blocks *blocks, size_t index);

/* Stores that the block was refused, and when it is asked again. True when more blocks are refused than were logged:
 * the caller then logs the refusal. */
bool blocks_refuse(struct blocks *blocks, size_t index, uint8_t exception, int64_t now_ms);

/* The number of blocks that are refused at present. */
size_t blocks_count_refused(const struct blocks *blocks);

/* Copies the answer to one block (`part`) into the answer to its planned request (`whole`). `whole` starts as ANSWER_OK
 * without registers; *any becomes true with the first registers. */
void blocks_merge_answer(
	const struct blocks *blocks, size_t index, const struct answer *part, struct answer *whole, bool *any);

#endif
