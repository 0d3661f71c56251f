#include "daemon/mqtt/peer.h"

#define PINGS 3        /* in a keepalive: paho notices silence after two intervals and up to 3 s (measured) */
#define SOON_MS 600000 /* no answer at all may have been the moment of its start */
#define DAY_REAL_MS 86400000
#define SHORTEST_S 5 /* a ping that no broker finds too rare */

static int interval_of(const struct peer *peer, const struct mqtt_conf *conf)
{
	int own = conf->keepalive_s / PINGS;
	int demanded = peer->keepalive_s < 2 ? 1 : (int)(peer->keepalive_s / 2);

	return peer->keepalive_s > 0 && demanded < own ? demanded : own;
}

struct mqtt_manner peer_manner(const struct peer *peer, const struct mqtt_conf *conf, int64_t now_ms)
{
	bool plain = conf->version != 5 || (peer->plain && now_ms < peer->v5_again_ms);

	return (struct mqtt_manner){ plain ? 3 : 5, interval_of(peer, conf) };
}

bool peer_failed(struct peer *peer, const struct mqtt_manner *manner, enum mqtt_loss_kind kind, int64_t now_ms)
{
	if (manner->version == 5 && (kind == MQTT_LOSS_VERSION || kind == MQTT_LOSS_NO_ANSWER)) {
		bool sure = kind == MQTT_LOSS_VERSION || peer->proven;
		peer->plain = true;
		peer->v5_again_ms = now_ms + (sure ? DAY_REAL_MS : SOON_MS);
		return true;
	}
	if (manner->version == 3 && kind == MQTT_LOSS_IDENTIFIER) {
		bool shorter = manner->keepalive_s > SHORTEST_S;
		peer->keepalive_s = shorter ? (unsigned)manner->keepalive_s : 0; /* or it was not the keepalive */
		return shorter;
	}
	if (manner->version == 3 && !peer->proven) {
		peer->plain = false; /* it was not the version */
	}
	return false;
}

bool peer_connected(struct peer *peer, const struct mqtt_manner *manner, const struct mqtt_terms *terms)
{
	peer->met = true;
	peer->plain = peer->plain && terms->version == 3;
	peer->proven = peer->plain;
	if (terms->keepalive_s > 0) { /* a client that asks for less is not told */
		peer->keepalive_s = terms->keepalive_s;
	}
	/* The specification gives half as much again; ours sends two pings in the time. */
	return terms->keepalive_s > 0 && (unsigned)manner->keepalive_s > terms->keepalive_s / 2 &&
		manner->keepalive_s > 1;
}

const char *peer_refusal(const struct mqtt_terms *terms)
{
	if (terms->highest_qos < 1) {
		return "it takes no QoS 1 (Maximum QoS 0), and without that nobody knows whether an alarm arrived";
	}
	if (terms->at_once < 1) {
		return "it takes no message at all (Receive Maximum 0), which MQTT 5 forbids";
	}
	return NULL;
}

bool peer_wants_v5(const struct peer *peer, int64_t now_ms)
{
	return peer->plain && now_ms >= peer->v5_again_ms;
}
