/* conf_mqtt.c - the section `mqtt`: how the bureau's broker is reached, and what is published in addition to alarms. */
#include <string.h>

#include "common/array.h"
#include "common/text.h"
#include "daemon/conf/conf_internal.h"

/* The setting `means` uses the names of these periods. */
static const enum period mean_periods[] = { PERIOD_MINUTE, PERIOD_HOUR, PERIOD_DAY };

bool conf_topic_level(struct conf_node group, const char *key, char *ret, size_t size)
{
	char name[64];

	if (!conf_name(group, key, true, name, sizeof(name))) {
		return false;
	}
	if (strchr(name, '.')) {
		conf_node_complain(group,
			"%s: \"%s\" has a dot, and becomes a level of MQTT topics: some brokers split it there, others "
			"end the connection; write it with '-' or '_'",
			key, name);
		return false;
	}
	if (!text_copy(ret, size, name)) {
		conf_node_complain(group, "%s: \"%s\" is longer than %zu characters", key, name, size - 1);
		return false;
	}
	return true;
}

static void check_broker(struct conf_node node, const char *key, const char *broker)
{
	if (strncmp(broker, "mqtt://", 7) != 0 && strncmp(broker, "mqtts://", 8) != 0) {
		conf_node_complain(node,
			"%s: \"%s\" does not start with mqtt:// or mqtts://; write mqtt://%s, or mqtts:// for TLS", key,
			broker, broker);
	}
}

static void read_brokers(struct conf_node node, struct mqtt_conf *mqtt)
{
	struct conf_node standby = conf_array(node, "standby", false);
	char(*brokers)[PATH_SIZE] = mqtt->brokers;

	if (!node.setting || !conf_string(node, "broker", true, brokers[0], sizeof(brokers[0]))) {
		return;
	}
	check_broker(node, "broker", brokers[0]);
	mqtt->n_brokers = 1;
	if (conf_count(standby) > MQTT_BROKERS - 1) {
		conf_node_complain(node, "standby: found more than %d brokers, the most that are possible; remove some",
			MQTT_BROKERS - 1);
		return;
	}
	for (size_t i = 0; i < conf_count(standby); i++) {
		char *broker = brokers[mqtt->n_brokers];
		if (conf_string_at(standby, i, broker, sizeof(brokers[0]))) {
			check_broker(node, "standby", broker);
			mqtt->n_brokers++;
		}
	}
}

static void read_means(struct conf_node node, struct mqtt_conf *mqtt)
{
	struct conf_node array = conf_array(node, "means", false);
	char text[16];

	mqtt->means[PERIOD_HOUR] = mqtt->means[PERIOD_DAY] = !conf_has(node, "means");
	for (size_t i = 0; i < conf_count(array); i++) {
		bool known = false;
		if (!conf_string_at(array, i, text, sizeof(text))) {
			continue;
		}
		for (size_t k = 0; k < ARRAY_SIZE(mean_periods); k++) {
			if (strcmp(text, period_name(mean_periods[k])) == 0) {
				mqtt->means[mean_periods[k]] = known = true;
			}
		}
		if (!known) {
			conf_node_complain(node, "means: \"%s\" is not known; known here: minute, hour, day", text);
		}
	}
}

static void read_identity(struct conf_node node, struct mqtt_conf *mqtt)
{
	(void)conf_string(node, "ca", false, mqtt->ca, sizeof(mqtt->ca)); /* all are optional */
	(void)conf_string(node, "client_cert", false, mqtt->client_cert, sizeof(mqtt->client_cert));
	(void)conf_string(node, "client_key", false, mqtt->client_key, sizeof(mqtt->client_key));
	(void)conf_string(node, "username", false, mqtt->username, sizeof(mqtt->username));
	(void)conf_string(node, "password_file", false, mqtt->password_file, sizeof(mqtt->password_file));
	(void)conf_name(
		node, "password_credential", false, mqtt->password_credential, sizeof(mqtt->password_credential));
	if ((mqtt->client_cert[0] != '\0') != (mqtt->client_key[0] != '\0')) {
		conf_node_complain(node, "found only one of client_cert and client_key; set both or none");
	}
	if (mqtt->password_file[0] && mqtt->password_credential[0]) {
		conf_node_complain(node, "found both password_file and password_credential; keep one of them");
	}
	if (!mqtt->username[0] && (mqtt->password_file[0] || mqtt->password_credential[0])) {
		conf_node_complain(node, "a password needs a username");
	}
}

void conf_read_mqtt(struct conf_node root, struct mqtt_conf *mqtt)
{
	static const char *const keys[] = { "broker", "standby", "ca", "client_cert", "client_key", "username",
		"password_file", "password_credential", "version", "keepalive", "window", "means", "health", NULL };
	static const char *const versions[] = { "5", "3.1.1", NULL };
	struct conf_node node = conf_group(root, "mqtt", false);
	int64_t keepalive_ms = 30 * SECOND_MS, window = 20;
	size_t version = 0;

	conf_allow_keys(node, keys);
	read_brokers(node, mqtt);
	read_identity(node, mqtt);
	read_means(node, mqtt);
	mqtt->health_ms = 5 * MINUTE_MS;
	(void)conf_choice(node, "version", false, versions, &version); /* all are optional */
	(void)conf_duration(node, "keepalive", false, CONF_RANGE(10 * SECOND_MS, 20 * MINUTE_MS), &keepalive_ms);
	(void)conf_duration(node, "health", false, CONF_RANGE(0, DAY_MS), &mqtt->health_ms);
	(void)conf_int(node, "window", false, CONF_RANGE(1, 100), &window);
	mqtt->version = version == 0 ? 5 : 3;
	mqtt->keepalive_s = (int)(keepalive_ms / SECOND_MS);
	mqtt->window = (size_t)window;
}
