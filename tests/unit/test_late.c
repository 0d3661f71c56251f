/* test_late.c - a late answer is never taken for the answer to another request, on any kind of link, with any delay
 * up to twice the time-out.
 *
 * Usage: test_late [QUESTIONS]: the number of requests on each kind of link, 2500 by default. The test prints its
 * seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/plan.h"
#include "daemon/modbus/link_internal.h"
#include "tests/unit/late_peer.h"

#define PAIRS 40
#define TIMEOUT_MS 30
#define UNITS 2
#define BLOCKS 4
#define COUNT 2

static unsigned questions = 2500;
static uint64_t seed;

/* One line with a device at its end, and a worker that sends requests. */
struct line {
	struct link_conf conf;
	struct profile profile;
	struct instrument_conf instruments[UNITS];
	struct site site;
	struct clock clock;
	struct poller pollers[UNITS];
	struct link link;
	struct late_peer peer;
	unsigned questions;
	unsigned right;
	unsigned wrong;
	uint64_t random;
	pthread_t thread;
};

/* ---- building a line ---- */

static void open_tcp_line(struct line *line)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);

	line->peer.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(line->peer.listener >= 0);
	assert_int_equal(bind(line->peer.listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(line->peer.listener, 8), 0);
	assert_int_equal(getsockname(line->peer.listener, (struct sockaddr *)&address, &size), 0);
	snprintf(line->conf.host, sizeof(line->conf.host), "127.0.0.1");
	line->conf.port = ntohs(address.sin_port);
	line->peer.fd = -1;
}

static void open_serial_line(struct line *line)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	assert_int_equal(ptsname_r(master, line->conf.device, sizeof(line->conf.device)), 0);
	line->conf.baud = 115200;
	line->conf.parity = 'N';
	line->conf.data_bits = 8;
	line->conf.stop_bits = 1;
	line->peer.listener = -1;
	line->peer.fd = master;
}

static void init_link(struct line *line)
{
	struct link *link = &line->link;

	link->site = &line->site;
	link->conf = &line->conf;
	link->clock = &line->clock;
	link->pollers = line->pollers;
	link->n_pollers = UNITS;
	link->wake_fd = eventfd(0, EFD_CLOEXEC);
	assert_true(link->wake_fd >= 0);
	pthread_mutex_init(&link->lock, NULL);
	backoff_init(&link->backoff, 1, 5);
	link->window_start_ms = clock_real_mono_ms();
	link->bus = bus_create(&line->conf, TIMEOUT_MS, link->wake_fd);
	assert_non_null(link->bus);
}

static struct line *line_create(enum link_type type, bool own_ids, uint64_t random)
{
	struct line *line = calloc(1, sizeof(*line));

	assert_non_null(line);
	line->conf.type = type;
	line->conf.timeout_ms = TIMEOUT_MS;
	line->conf.ignore_ids = own_ids;
	snprintf(line->conf.name, sizeof(line->conf.name), "line");
	line->random = random | 1;
	clock_init(&line->clock);
	if (type == LINK_RTU) {
		open_serial_line(line);
	} else {
		open_tcp_line(line);
	}
	line->site.links = &line->conf;
	line->site.n_links = 1;
	line->site.instruments = line->instruments;
	line->site.n_instruments = UNITS;
	for (int i = 0; i < UNITS; i++) {
		line->instruments[i].unit = i + 1;
		line->instruments[i].profile = &line->profile;
		line->pollers[i].instrument = (size_t)i;
	}
	init_link(line);
	line->peer.tcp = type == LINK_TCP;
	line->peer.own_ids = own_ids;
	line->peer.timeout_ms = TIMEOUT_MS;
	line->peer.link = &line->link;
	line->peer.random = ~line->random | 1;
	assert_true(late_peer_start(&line->peer));
	return line;
}

static void line_destroy(struct line *line)
{
	bus_destroy(line->link.bus);
	close(line->link.wake_fd);
	pthread_mutex_destroy(&line->link.lock);
	free(line);
}

/* ---- sending requests ---- */

static void *ask_all(void *context)
{
	struct line *line = context;
	struct answer answer;

	for (unsigned i = 0; i < line->questions; i++) {
		uint64_t which = late_random(&line->random);
		struct poller *poller = &line->pollers[which % UNITS];
		/* All blocks have the same length: only a transaction id distinguishes their answers. */
		struct request request = { .function = 3, .count = COUNT };
		request.address = (uint16_t)(which / UNITS % BLOCKS * 1000);
		link_exchange(&line->link, poller, &request, &answer);
		if (answer.result != ANSWER_OK) {
			continue;
		}
		bool right = true;
		for (unsigned k = 0; k < COUNT; k++) {
			right &= answer.registers[k] ==
				late_register(line->instruments[which % UNITS].unit, request.address + k);
		}
		line->right += right;
		line->wrong += !right;
	}
	return NULL;
}

static void suffer(enum link_type type, bool own_ids)
{
	struct line *lines[PAIRS];
	unsigned right = 0, wrong = 0, late = 0, asked = 0;
	uint64_t discarded = 0;

	for (unsigned i = 0; i < PAIRS; i++) {
		lines[i] = line_create(type, own_ids, seed * 1000003U + i * 7919U + (unsigned)type);
		lines[i]->questions = (questions + PAIRS - 1) / PAIRS;
	}
	for (unsigned i = 0; i < PAIRS; i++) {
		assert_int_equal(pthread_create(&lines[i]->thread, NULL, ask_all, lines[i]), 0);
	}
	for (unsigned i = 0; i < PAIRS; i++) {
		pthread_join(lines[i]->thread, NULL);
		for (size_t k = 0; k < UNITS; k++) {
			discarded += lines[i]->pollers[k].stats.discarded;
		}
		right += lines[i]->right;
		wrong += lines[i]->wrong;
		asked += lines[i]->questions;
		late_peer_stop(&lines[i]->peer);
		late += lines[i]->peer.late;
		line_destroy(lines[i]);
	}
	print_message("%u questions, %u late frames: %u right answers, %u wrong, %llu frames dropped\n", asked, late,
		right, wrong, (unsigned long long)discarded);
	assert_int_equal(wrong, 0);
	assert_true(right > 0 && late > 0);
}

static void test_tcp(void **state)
{
	(void)state;
	suffer(LINK_TCP, false);
}

static void test_tcp_with_ids_of_its_own(void **state)
{
	(void)state;
	suffer(LINK_TCP, true);
}

static void test_rtu_over_tcp(void **state)
{
	(void)state;
	suffer(LINK_RTU_TCP, false);
}

static void test_rtu(void **state)
{
	(void)state;
	suffer(LINK_RTU, false);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_tcp_with_ids_of_its_own),
		cmocka_unit_test(test_rtu_over_tcp),
		cmocka_unit_test(test_rtu),
	};
	const char *given = getenv("SEED");

	questions = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : questions;
	seed = given ? strtoull(given, NULL, 10) : (uint64_t)clock_real_mono_us();
	print_message("SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
