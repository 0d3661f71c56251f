#include "daemon/mqtt/peer.h"

#define PINGS 3        /* in a keepalive: paho notices silence after two intervals and up to 3 s (measured) */
#define SOON_MS 600000 /* a broker that did not answer at all may just have been starting */
#define DAY_REAL_MS 86400000
#define SHORTEST_S 5 /* no broker finds a ping each 5 s too rare */

static int ping_interval_s(const struct peer *peer, const struct mqtt_conf *conf)
{
	int own = conf->keepalive_s / PINGS;
	int demanded = peer->keepalive_s < 2 ? 1 : (int)(peer->keepalive_s / 2);

	return peer->keepalive_s > 0 && demanded < own ? demanded : own;
}

struct mqtt_manner peer_manner(const struct peer *peer, const struct mqtt_conf *conf, int64_t now_ms)
{
	bool v3 = conf->version != 5 || (peer->uses_v3 && now_ms < peer->v5_again_ms);

	return (struct mqtt_manner){ v3 ? 3 : 5, ping_interval_s(peer, conf) };
}

bool peer_failed(struct peer *peer, const struct mqtt_manner *manner, enum mqtt_loss_kind kind, int64_t now_ms)
{
	if (manner->version == 5 && (kind == MQTT_LOSS_VERSION || kind == MQTT_LOSS_NO_ANSWER)) {
		bool sure = kind == MQTT_LOSS_VERSION || peer->v3_worked;
		peer->uses_v3 = true;
		peer->v5_again_ms = now_ms + (sure ? DAY_REAL_MS : SOON_MS);
		return true;
	}
	if (manner->version == 3 && kind == MQTT_LOSS_IDENTIFIER) {
		bool shorter = manner->keepalive_s > SHORTEST_S;
		peer->keepalive_s =
			shorter ? (unsigned)manner->keepalive_s : 0; /* 0: the keepalive was not the reason */
		return shorter;
	}
	if (manner->version == 3 && !peer->v3_worked) {
		peer->uses_v3 = false; /* the version was not the reason */
	}
	return false;
}

bool peer_connected(struct peer *peer, const struct mqtt_manner *manner, const struct mqtt_terms *terms)
{
	peer->met = true;
	peer->uses_v3 = peer->uses_v3 && terms->version == 3;
	peer->v3_worked = peer->uses_v3;
	if (terms->keepalive_s > 0) { /* a broker says this only when ours is too long for it */
		peer->keepalive_s = terms->keepalive_s;
	}
	/* The specification allows 1.5 times the keepalive; two pings in one keepalive are safe. */
	return terms->keepalive_s > 0 && (unsigned)manner->keepalive_s > terms->keepalive_s / 2 &&
		manner->keepalive_s > 1;
}

const char *peer_refusal(const struct mqtt_terms *terms)
{
	if (terms->highest_qos < 1) {
		return "the broker does not take QoS 1 (it announced Maximum QoS 0), and without QoS 1 nobody knows "
		       "whether an alarm arrived";
	}
	if (terms->at_once < 1) {
		return "the broker takes no messages (it announced Receive Maximum 0, which MQTT 5 forbids)";
	}
	return NULL;
}

bool peer_wants_v5(const struct peer *peer, int64_t now_ms)
{
	return peer->uses_v3 && now_ms >= peer->v5_again_ms;
}
