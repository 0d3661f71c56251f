/* test_reading.c - parts that reading uses: refused blocks, response times, wire time, and the mailbox between the
 * workers and the main loop. */
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/plan.h"
#include "daemon/base/mailbox.h"
#include "daemon/conf/wire_time.h"
#include "daemon/modbus/blocks.h"
#include "daemon/modbus/latency.h"

/* ---- blocks ---- */

static void random_profile(struct profile *p)
{
	memset(p, 0, sizeof(*p));
	p->max_registers = REQUEST_REGISTERS;
	p->max_gap = (unsigned)rand() % 4;
	p->n_channels = 2 + (size_t)rand() % 30;
	uint16_t address = 0;
	for (size_t i = 0; i < p->n_channels; i++) {
		enum reg_type type = rand() % 2 ? REG_F32 : REG_U16;
		p->channels[i].field = (struct reg_field){ .function = 3, .address = address, .type = type };
		address = (uint16_t)(address + field_width(&p->channels[i].field) + (unsigned)rand() % 3);
	}
	assert_int_equal(plan_requests(p), 0);
}

static bool device_refuses(const bool *bad, const struct request *r)
{
	for (unsigned i = 0; i < r->count; i++) {
		if (bad[r->address + i]) {
			return true;
		}
	}
	return false;
}

/* Reads all blocks once and divides those that are refused; returns the number of requests. */
static unsigned read_once(struct blocks *blocks, const bool *bad, struct answer *whole, bool *any)
{
	unsigned asked = 0;

	for (size_t i = 0; i < blocks->profile->n_requests; i++) {
		whole[i] = (struct answer){ .result = ANSWER_OK };
	}
	for (size_t i = 0; i < blocks->n; i++) {
		struct answer found = { .result = ANSWER_EXCEPTION, .exception = 2 };
		if (blocks->list[i].refused) {
			found.exception = blocks->list[i].exception;
		} else {
			asked++;
			if (!device_refuses(bad, &blocks->list[i].request)) {
				found.result = ANSWER_OK;
			} else if (blocks_split(blocks, i)) {
				i--;
				continue;
			} else {
				(void)blocks_refuse(blocks, i, 2, 0); /* the result only says whether to log a line */
			}
		}
		blocks_merge_answer(blocks, i, &found, &whole[blocks->list[i].planned], any);
	}
	return asked;
}

static void test_a_bad_register_costs_only_its_own_field(void **state)
{
	static struct profile p;
	static struct answer whole[PROFILE_REQUESTS];
	unsigned seed = 20261123;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 500; round++) {
		bool bad[256] = { false }, any = false;
		struct blocks blocks;
		random_profile(&p);
		for (int i = rand() % 4; i > 0; i--) {
			bad[rand() % 60] = true;
		}
		assert_true(blocks_init(&blocks, &p));
		(void)read_once(&blocks, bad, whole, &any);
		for (size_t i = 0; i < p.n_channels; i++) {
			const struct reg_field *f = &p.channels[i].field;
			struct request own = {
				.function = 3, .address = f->address, .count = (uint16_t)field_width(f)
			};
			assert_int_equal(decode_registers(&p, f, whole) == NULL, device_refuses(bad, &own));
		}
		/* Once the refused registers are known, they are not requested again, and there is at most one
		 * request per field. */
		assert_in_range(read_once(&blocks, bad, whole, &any), 0, p.n_channels);
		blocks_reset(&blocks);
		assert_int_equal(blocks.n, p.n_requests);
		blocks_finish(&blocks);
	}
}

static void test_a_refusal_is_told_once_and_asked_ever_less_often(void **state)
{
	static struct profile p;
	struct blocks blocks;

	(void)state;
	memset(&p, 0, sizeof(p));
	p.max_registers = 10;
	p.n_channels = 1;
	p.channels[0].field = (struct reg_field){ .function = 3, .address = 5, .type = REG_F32 };
	assert_int_equal(plan_requests(&p), 0);
	assert_true(blocks_init(&blocks, &p));
	assert_false(blocks_split(&blocks, 0)); /* a single field cannot be divided */
	assert_true(blocks_refuse(&blocks, 0, 2, 1000));
	int64_t first = blocks.list[0].again_ms - 1000;
	assert_int_equal(first, 10000);
	assert_false(blocks_refuse(&blocks, 0, 2, blocks.list[0].again_ms));
	assert_int_equal(blocks.list[0].again_ms - (1000 + first), 2 * first);
	assert_int_equal(blocks_count_refused(&blocks), 1);
	blocks_finish(&blocks);
}

static void test_only_an_illegal_address_or_value_is_a_refusal(void **state)
{
	(void)state;
	for (unsigned exception = 0; exception <= 0xFF; exception++) {
		const struct answer answer = { .result = ANSWER_EXCEPTION, .exception = (uint8_t)exception };
		assert_int_equal(blocks_is_refusal(&answer), exception == 2 || exception == 3);
	}
	const struct answer broken = { .result = ANSWER_BROKEN, .exception = 2 };
	assert_false(blocks_is_refusal(&broken));
}

/* ---- response times ---- */

static void test_response_times(void **state)
{
	struct latency latency = { 0 };

	(void)state;
	assert_true(isnan(latency_percentile(&latency, 0.5)));
	for (int i = 0; i < 90; i++) {
		latency_add(&latency, 5000);
	}
	for (int i = 0; i < 10; i++) {
		latency_add(&latency, 100000);
	}
	double median = latency_percentile(&latency, 0.5), most = latency_percentile(&latency, 0.95);
	assert_true(median >= 5.0 && median <= 5.0 * 1.19);
	assert_true(most >= 100.0 * 0.99 && most <= 100.0);
	for (int i = 0; i < 5000; i++) {
		latency_add(&latency, 1000);
	}
	assert_true(latency_percentile(&latency, 0.95) < 1.2); /* old response times are forgotten */
	assert_int_equal(latency.max_us, 100000);
}

/* ---- wire time ---- */

static void test_the_cost_of_a_request(void **state)
{
	const struct link_conf bus = { .type = LINK_RTU, .baud = 9600, .parity = 'N', .data_bits = 8, .stop_bits = 1 };
	const struct link_conf tcp = { .type = LINK_TCP };
	const struct request registers = { .function = 3, .count = 10 }, bits = { .function = 2, .count = 10 };
	struct wire_cost cost;

	(void)state;
	wire_time_request(&bus, &registers, &cost);
	assert_int_equal(cost.bytes, 8 + 25);
	/* 33 characters of 10 bits and twice 3.5 characters of silence. */
	assert_true(fabs((double)cost.wire_ns - 40.0 * 10.0 / 9600.0 * 1e9) < 1000.0);
	wire_time_request(&bus, &bits, &cost);
	assert_int_equal(cost.bytes, 8 + 7);
	wire_time_request(&tcp, &registers, &cost);
	assert_int_equal(cost.bytes, 12 + 29);
	assert_int_equal(cost.wire_ns, 0);
}

/* ---- mailbox ---- */

#define SENDERS 3
#define MESSAGES 20000

struct sender {
	struct mailbox *box;
	int number;
};

static void *send_all(void *context)
{
	struct sender *sender = context;

	for (int i = 0; i < MESSAGES; i++) {
		const int message[2] = { sender->number, i };
		(void)mailbox_post(sender->box, message, i % 3 != 2 && i + 1 < MESSAGES); /* the box is never closed */
	}
	return NULL;
}

static void test_one_message_wakes_the_reader(void **state)
{
	struct mailbox *box = mailbox_create(2, sizeof(int));
	struct pollfd pfd = { .events = POLLIN };
	int message = 7, taken = 0;

	(void)state;
	assert_non_null(box);
	pfd.fd = mailbox_fd(box);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(poll(&pfd, 1, 0), 0);
		assert_true(mailbox_offer(box, &message));
		assert_int_equal(poll(&pfd, 1, 0), 1);
		assert_true(mailbox_take(box, &taken));
		assert_int_equal(taken, message);
		assert_false(mailbox_take(box, &taken)); /* an empty take shows that no message is left */
	}
	assert_true(mailbox_offer(box, &message) && mailbox_offer(box, &message));
	assert_false(mailbox_offer(box, &message)); /* there is room for two */
	mailbox_destroy(box);
}

static void test_no_message_is_lost_or_slept_through(void **state)
{
	struct mailbox *box = mailbox_create(7, 2 * sizeof(int));
	struct sender senders[SENDERS];
	pthread_t threads[SENDERS];
	int next[SENDERS] = { 0 }, taken = 0, message[2];

	(void)state;
	assert_non_null(box);
	for (int i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){ box, i };
		assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
	}
	while (taken < SENDERS * MESSAGES) {
		struct pollfd pfd = { .fd = mailbox_fd(box), .events = POLLIN };
		assert_int_equal(poll(&pfd, 1, 10000), 1); /* a message without a wake-up would wait for ever */
		while (mailbox_take(box, message)) {
			assert_int_equal(message[1], next[message[0]]++); /* messages arrive in the order of sending */
			taken++;
		}
	}
	for (int i = 0; i < SENDERS; i++) {
		pthread_join(threads[i], NULL);
	}
	mailbox_close(box);
	assert_false(mailbox_post(box, message, false));
	mailbox_destroy(box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_bad_register_costs_only_its_own_field),
		cmocka_unit_test(test_a_refusal_is_told_once_and_asked_ever_less_often),
		cmocka_unit_test(test_only_an_illegal_address_or_value_is_a_refusal),
		cmocka_unit_test(test_response_times),
		cmocka_unit_test(test_the_cost_of_a_request),
		cmocka_unit_test(test_one_message_wakes_the_reader),
		cmocka_unit_test(test_no_message_is_lost_or_slept_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
