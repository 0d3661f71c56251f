#include "daemon/modbus/blocks.h"

#include <stdlib.h>
#include <string.h>

#include "core/plan.h"

#define AGAIN_FIRST_MS 10000 /* a device that is starting up may refuse registers */
#define AGAIN_LAST_MS 600000

bool blocks_init(struct blocks *blocks, const struct profile *profile)
{
	*blocks = (struct blocks){ .profile = profile, .room = profile->n_requests + 1 };
	blocks->list = calloc(blocks->room, sizeof(*blocks->list));
	if (blocks->list) {
		blocks_reset(blocks);
	}
	return blocks->list != NULL;
}

void blocks_finish(struct blocks *blocks)
{
	free(blocks->list);
	blocks->list = NULL;
}

void blocks_reset(struct blocks *blocks)
{
	for (size_t i = 0; i < blocks->profile->n_requests; i++) {
		blocks->list[i] = (struct block){ .request = blocks->profile->requests[i], .planned = i };
	}
	blocks->n = blocks->profile->n_requests;
}

bool blocks_is_refusal(const struct answer *answer)
{
	return answer->result == ANSWER_EXCEPTION && (answer->exception == 2 || answer->exception == 3);
}

bool blocks_split(struct blocks *blocks, size_t index)
{
	struct request first, second;

	if (!plan_split(blocks->profile, &blocks->list[index].request, &first, &second)) {
		return false;
	}
	if (blocks->n == blocks->room) {
		struct block *grown = realloc(blocks->list, 2 * blocks->room * sizeof(*grown));
		if (!grown) {
			return false;
		}
		blocks->list = grown;
		blocks->room *= 2;
	}
	struct block *block = &blocks->list[index];
	memmove(block + 2, block + 1, (blocks->n - index - 1) * sizeof(*block));
	block[1] = block[0];
	block[0].request = first;
	block[1].request = second;
	blocks->n++;
	return true;
}

size_t blocks_count_refused(const struct blocks *blocks)
{
	size_t refused = 0;

	for (size_t i = 0; i < blocks->n; i++) {
		refused += blocks->list[i].refused;
	}
	return refused;
}

bool blocks_refuse(struct blocks *blocks, size_t index, uint8_t exception, int64_t now_ms)
{
	struct block *block = &blocks->list[index];

	if (!block->refused) {
		backoff_init(&block->again, AGAIN_FIRST_MS, AGAIN_LAST_MS);
	}
	block->refused = true;
	block->exception = exception;
	block->again_ms = now_ms + backoff_next(&block->again);
	size_t refused = blocks_count_refused(blocks);
	if (refused <= blocks->logged) {
		return false;
	}
	blocks->logged = refused;
	return true;
}

void blocks_merge_answer(
	const struct blocks *blocks, size_t index, const struct answer *part, struct answer *whole, bool *any)
{
	const struct block *block = &blocks->list[index];
	size_t offset = block->request.address - (size_t)blocks->profile->requests[block->planned].address;

	if (part->result == ANSWER_OK) {
		memcpy(&whole->registers[offset], part->registers, block->request.count * sizeof(uint16_t));
		*any = true;
	} else if (blocks_is_refusal(part)) {
		for (size_t i = offset; i < offset + block->request.count; i++) {
			whole->refused[i / 8] |= (uint8_t)(1U << (i % 8));
		}
		whole->exception = part->exception;
	} else {
		*whole = *part;
	}
}
