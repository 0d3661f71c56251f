/* bench_floor.c - the bare loop for comparison: a thread per device that reads with libmodbus and does nothing else.
 *
 *   bench_floor MS SECONDS PORT...
 *
 * The loop sends two requests of ten registers to each device every MS milliseconds. The program prints the number of
 * registers read and the CPU seconds. */
#include <modbus.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static _Atomic long long registers;
static atomic_bool stop;
static long interval_ms;

static void *read_one(void *context)
{
	modbus_t *modbus = modbus_new_tcp("127.0.0.1", *(int *)context);
	struct timespec at;
	uint16_t values[10];

	if (!modbus || modbus_connect(modbus) < 0) {
		return NULL;
	}
	clock_gettime(CLOCK_MONOTONIC, &at);
	while (!atomic_load(&stop)) {
		for (int address = 0; address < 200; address += 100) {
			if (modbus_read_registers(modbus, address, 10, values) == 10) {
				registers += 10;
			}
		}
		at.tv_nsec += interval_ms * 1000000;
		at.tv_sec += at.tv_nsec / 1000000000;
		at.tv_nsec %= 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
	}
	modbus_close(modbus);
	modbus_free(modbus);
	return NULL;
}

int main(int argc, char **argv)
{
	static int ports[512];
	pthread_t threads[512];
	int n = argc - 3;

	if (n < 1 || n > 512) {
		fputs("Usage: bench_floor MS SECONDS PORT...\n", stderr);
		return 2;
	}
	interval_ms = atol(argv[1]);
	for (int i = 0; i < n; i++) {
		ports[i] = atoi(argv[3 + i]);
		pthread_create(&threads[i], NULL, read_one, &ports[i]);
	}
	struct timespec length = { .tv_sec = atol(argv[2]) };
	nanosleep(&length, NULL);
	atomic_store(&stop, true);
	for (int i = 0; i < n; i++) {
		pthread_join(threads[i], NULL);
	}
	printf("%lld %.6f\n", (long long)registers, (double)clock() / CLOCKS_PER_SEC);
	return 0;
}
