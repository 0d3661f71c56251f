/* mqtt_internal.h - what mqtt.c, on the main loop, and mqtt_callbacks.c, on paho's thread, share. */
#ifndef EMIS_DAEMON_MQTT_MQTT_INTERNAL_H
#define EMIS_DAEMON_MQTT_MQTT_INTERNAL_H

#include <MQTTAsync.h>
#include <stdatomic.h>

#include "daemon/base/mailbox.h"
#include "daemon/mqtt/mqtt.h"

enum note_kind { NOTE_CONNECTED, NOTE_LOST, NOTE_ACKNOWLEDGED, NOTE_REFUSED, NOTE_UNKNOWN_FATE, NOTE_REQUESTED };

#define MQTT_REASON_SIZE 256 /* a sentence about a lost connection */

/* A callback posts this to the mailbox and does nothing else. */
struct note {
	enum note_kind kind;
	unsigned epoch;
	int64_t token;
	bool no_subscriber;
	int code;                 /* of NOTE_REFUSED */
	enum mqtt_loss_kind loss; /* of NOTE_LOST */
	struct mqtt_terms terms;  /* of NOTE_CONNECTED */
	char reason[MQTT_REASON_SIZE];
};

/* One message that was handed to paho; freed by the one callback that paho makes for it. */
struct handed_over {
	struct mqtt *mqtt;
	unsigned epoch;
	int64_t token;
};

struct mqtt {
	const struct mqtt_conf *conf;
	struct mqtt_handler handler;
	struct mailbox *box;
	struct mailbox *requests; /* box has a NOTE_REQUESTED for each */
	MQTTAsync handle;
	size_t broker; /* of the handle */
	int version;   /* of the handle: 5 or 3 */
	enum mqtt_state state;
	atomic_uint epoch; /* counts connections: notes about earlier ones are ignored */
	unsigned connects;
	char uri[PATH_SIZE + 8];
	char client_id[MQTT_CLIENT_ID_SIZE];
	char *will_topic;
	char *will_payload;
	char password[256];
	char tls_reason[80]; /* OpenSSL's words; used on paho's thread only */
};

/* Posts that the connection ended; any thread. reason may be NULL. */
void mqtt_post_loss(struct mqtt *mqtt, enum mqtt_loss_kind kind, const char *reason);

/* Sets the callbacks of the handle (false when paho refuses them), of connecting, of TLS, of disconnecting and of a
 * message. */
bool mqtt_set_handle_callbacks(struct mqtt *mqtt);
void mqtt_set_connect_callbacks(struct mqtt *mqtt, MQTTAsync_connectOptions *options);
void mqtt_set_tls_callbacks(struct mqtt *mqtt, MQTTAsync_SSLOptions *options);
void mqtt_set_disconnect_callbacks(struct mqtt *mqtt, MQTTAsync_disconnectOptions *options);
void mqtt_set_message_callbacks(struct handed_over *handed_over, MQTTAsync_responseOptions *options);

#endif
