/* resend.h - answers the bureau's requests to send messages again (docs/mqtt.md, "Asking again"): reads them, limits
 * their rate, makes the messages pending and composes the reply. Anybody who can publish to the broker can write a
 * request: no part of it is trusted. Main loop only. */
#ifndef EMIS_DAEMON_MQTT_RESEND_H
#define EMIS_DAEMON_MQTT_RESEND_H

#include "daemon/mqtt/message.h"
#include "daemon/mqtt/mqtt.h"
#include "daemon/store/store.h"

#define RESEND_MOST 1000 /* numbers per request */

struct resend {
	const struct message_context *context;
	struct store *store;
	double tokens;         /* how many requests may come now */
	int64_t counted_ms;    /* when tokens was computed, real monotonic */
	int64_t complained_ms; /* when the last reply "too many requests" was sent */
	uint64_t dropped;      /* requests that came too fast, since the start */
};

struct resend_answer {
	char topic[MQTT_TOPIC_SIZE];
	char *payload; /* owned by the caller; NULL when the request gets none */
	int64_t again; /* messages that are pending again */
};

/* Both are borrowed. */
void resend_init(struct resend *resend, const struct message_context *context, struct store *store);

/* now_ms: real monotonic. */
struct resend_answer resend_handle_request(struct resend *resend, const struct mqtt_request *request, int64_t now_ms);

#endif
