/* link_conf.h - a TCP endpoint or serial bus, as the configuration describes it. */
#ifndef EMIS_DAEMON_CONF_LINK_CONF_H
#define EMIS_DAEMON_CONF_LINK_CONF_H

#include <stdbool.h>
#include <stdint.h>

#define NAME_SIZE 32
#define PATH_SIZE 256

enum link_type { LINK_TCP, LINK_RTU, LINK_RTU_TCP };

/* What switches an RS-485 adapter to sending: nothing or the adapter itself, the RTS line (active high or low), the
 * kernel. */
enum rts { RTS_NONE, RTS_UP, RTS_DOWN, RTS_KERNEL };

struct link_conf {
	char name[NAME_SIZE];
	enum link_type type;
	char host[PATH_SIZE]; /* not LINK_RTU: IPv4, IPv6 or a name */
	int port;
	char device[PATH_SIZE]; /* LINK_RTU */
	int baud;
	char parity; /* 'N', 'E' or 'O', as libmodbus expects */
	int data_bits;
	int stop_bits;
	enum rts rts;
	int64_t rts_delay_ms;
	int64_t timeout_ms; /* for a whole answer; real time */
	bool ignore_ids;    /* LINK_TCP: the gateway answers with its own transaction ids; they are not checked */
	int64_t gap_ms;     /* silence between frames on a bus, in addition to the 3.5 characters */
};

/* "tcp", "rtu", "rtu-tcp" */
const char *link_type_name(enum link_type type);

/* True when an answer carries the id of its question, so that a late answer cannot be taken for another. */
bool link_has_ids(const struct link_conf *conf);

/* The duration of one character on a serial line. */
int64_t link_character_ns(const struct link_conf *conf);

/* The silence that is required between two frames: 3.5 characters, at least 1.75 ms, plus the configured gap. */
int64_t link_gap_ns(const struct link_conf *conf);

#endif
