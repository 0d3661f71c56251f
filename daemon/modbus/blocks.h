/* blocks.h - the blocks of registers that are really asked for: the profile's plan, less what the device refuses.
 *
 * Devices answer exception 2 or 3 for a whole block when one register of it is not there. Such a block is cut in two
 * until the bad field stands alone; that is asked again ever less often, and the rest is read without it. Pure. */
#ifndef EMIS_DAEMON_MODBUS_BLOCKS_H
#define EMIS_DAEMON_MODBUS_BLOCKS_H

#include "core/decode.h"
#include "daemon/base/backoff.h"

struct block {
	struct request request;
	size_t planned; /* index in the profile's requests */
	bool refused;
	uint8_t exception;    /* with which it was refused */
	struct backoff again; /* of a refused one */
	int64_t again_ms;     /* not asked before */
};

struct blocks {
	const struct profile *profile;
	struct block *list; /* in the order of the plan */
	size_t n;
	size_t room;
	size_t told; /* so many refused blocks were told of */
};

/* The profile's plan. False when out of memory. */
bool blocks_init(struct blocks *blocks, const struct profile *profile);
void blocks_finish(struct blocks *blocks);

/* Back to the plan: what was refused may be there now. */
void blocks_reset(struct blocks *blocks);

/* The device says that registers of the block are not there. */
bool blocks_is_refusal(const struct answer *answer);

/* Puts its halves in the place of a block. False when it holds one field only, or out of memory. */
bool blocks_split(struct blocks *blocks, size_t index);

/* Sets when a refused block is asked again. True when more are refused than were told of: worth a line. */
bool blocks_refuse(struct blocks *blocks, size_t index, uint8_t exception, int64_t now_ms);

size_t blocks_refused(const struct blocks *blocks);

/* Enters what a block brought into the answer of its planned request, which starts as ANSWER_OK with nothing in it;
 * *any becomes true with the first registers. */
void blocks_put_together(
	const struct blocks *blocks, size_t index, const struct answer *found, struct answer *whole, bool *any);

#endif
