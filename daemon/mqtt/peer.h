/* peer.h - remembers of a broker which version of MQTT it speaks and which keepalive it demands. Pure; times are real
 * monotonic milliseconds. */
#ifndef EMIS_DAEMON_MQTT_PEER_H
#define EMIS_DAEMON_MQTT_PEER_H

#include "daemon/mqtt/mqtt.h"

struct peer {
	bool uses_v3;         /* MQTT 5 failed: 3.1.1 is used */
	bool v3_worked;       /* a connection with 3.1.1 was made */
	bool met;             /* a connection was made in this run of emisd */
	bool heard;           /* the broker sent a presence message in this run of emisd */
	int64_t v5_again_ms;  /* when 5 is tried again */
	unsigned keepalive_s; /* the one it demands; 0 = as configured */
};

/* How to connect to the broker now. */
struct mqtt_manner peer_manner(const struct peer *peer, const struct mqtt_conf *conf, int64_t now_ms);

/* No connection could be made in this manner. True when another manner is to be tried at once, before the next broker.
 */
bool peer_failed(struct peer *peer, const struct mqtt_manner *manner, enum mqtt_loss_kind kind, int64_t now_ms);

/* A connection was made. True when it must be made anew, because the broker demands a shorter keepalive. */
bool peer_connected(struct peer *peer, const struct mqtt_manner *manner, const struct mqtt_terms *terms);

/* Why the broker cannot be used, as the rest of a sentence; NULL when it can. */
const char *peer_refusal(const struct mqtt_terms *terms);

/* True when 3.1.1 is used and it is time to try MQTT 5 again. */
bool peer_wants_v5(const struct peer *peer, int64_t now_ms);

#endif
