/* site.h - the loaded configuration: const after site_load(). */
#ifndef EMIS_DAEMON_CONF_SITE_H
#define EMIS_DAEMON_CONF_SITE_H

#include <stdio.h>

#include "core/outlet.h"
#include "core/pipeline.h"
#include "core/profile.h"
#include "daemon/conf/conf.h"
#include "daemon/conf/link_conf.h"

#define OUTLET_TIERS 5

/* Stands for the box itself where an outlet's id is expected; no outlet may have this id. */
#define GATEWAY "gateway"

struct instrument_conf {
	char name[NAME_SIZE];
	size_t link;
	int unit;
	const struct profile *profile;
	int64_t poll_ms;
};

#define FEED_FLAGS 4

/* A status of another instrument that applies to a point, for example a PLC's register with the cabinet's state. */
struct feed_flag {
	size_t instrument;
	const struct status *status;
};

/* Where a point's value comes from. */
struct feed {
	size_t instrument;
	const struct channel *channel;
	struct feed_flag flags[FEED_FLAGS];
	size_t n_flags;
	size_t outlet;
	size_t point;
};

#define MQTT_BROKERS 4
#define MQTT_CLIENT_ID_SIZE 96

struct mqtt_conf {
	/* "mqtt://host:1883" or "mqtts://host:8883", in the order in which they are tried; none = no publishing */
	char brokers[MQTT_BROKERS][PATH_SIZE];
	size_t n_brokers;
	char ca[PATH_SIZE];
	char client_cert[PATH_SIZE];
	char client_key[PATH_SIZE];
	char username[64];
	char password_file[PATH_SIZE];
	char password_credential[NAME_SIZE]; /* a file in $CREDENTIALS_DIRECTORY (systemd LoadCredential) */
	int version;                         /* 5 or 3 (3.1.1) */
	int keepalive_s;                     /* a dead connection is noticed within this time; real time */
	size_t window;                       /* at most so many messages are sent and not yet acknowledged */
	bool means[PERIOD_COUNT];            /* these are published */
	int64_t health_ms;                   /* between two health messages, in real time; 0 = none */
};

struct clock_conf {
	int64_t wait_ms;              /* wait for the synchroniser after boot or a jump */
	char synchronized[PATH_SIZE]; /* a file that the synchroniser touches */
};

struct store_conf {
	char path[PATH_SIZE];
	int64_t quota_bytes;
	int keep_minutes;      /* months for which minute means are kept even if the quota is exceeded */
	int keep_means;        /* the same for means of hours, days and months */
	int64_t reserve_bytes; /* free disk space that is kept for alarms: with less, readings wait */
	int64_t batch_ms;      /* readings are committed this often */
	bool no_sync; /* only for unit tests, no key sets it: nothing is synced, and a power cut may lose anything */
};

struct site {
	char id[64];
	char name[128];
	char timezone[NAME_SIZE];
	bool simulation;

	struct factor *factors;
	size_t n_factors;
	struct legal_document **documents; /* one per file of limits.d */
	size_t n_documents;
	struct limit *limits;
	size_t n_limits;
	struct limit **own_limits; /* catalogue rows changed for one outlet: confirmed, or without reference oxygen */
	size_t n_own_limits;
	struct profile **profiles; /* those in use */
	size_t n_profiles;

	struct link_conf *links;
	size_t n_links;
	struct instrument_conf *instruments;
	size_t n_instruments;
	struct outlet *outlets;
	char (*tiers)[OUTLET_TIERS][16]; /* by outlet; "" ends */
	size_t n_outlets;
	struct feed *feeds;
	size_t n_feeds;

	struct pipeline_settings judging;
	struct mqtt_conf mqtt;
	struct store_conf store;
	struct clock_conf clock;
	char control_socket[108]; /* as long as sun_path of struct sockaddr_un */
	char admin_group[32];     /* its members may acknowledge alarms and set marks */
};

/* The names of the tiers; NULL ends. */
extern const char *const conf_tiers[];

/* The sector of the catalogue that a misspelt `sector` probably means; NULL when none is similar. Lives as long as the
 * site. */
const char *site_nearest_sector(const struct site *site, const char *sector);

/* Reads the configuration at `path`. Profiles, limit files and factors.conf are searched beside it first, then in the
 * folder `catalogue`. NULL when there was any complaint, or when out of memory. Warnings do not refuse the
 * configuration. The caller frees the site with site_free(). */
struct site *site_load(
	const char *path, const char *catalogue, struct conf_errors *errors, struct conf_errors *warnings);
/* Reads the catalogue without emisd.conf: factors, limits and the defaults of judging. Files in `directory` replace
 * those in `catalogue`. NULL with complaints. */
struct site *site_load_catalogue(const char *directory, const char *catalogue, struct conf_errors *errors);
/* Reads only factors.conf of `catalogue`; complaints do not refuse it. NULL when out of memory. */
struct site *site_load_factors(const char *catalogue, struct conf_errors *errors);
/* Reads only one profile of `catalogue`, "NAME" or "NAME/VARIANT"; *ret_profile lives as long as the site. NULL with
 * complaints. */
struct site *site_load_profile(
	const char *catalogue, const char *name, const struct profile **ret_profile, struct conf_errors *errors);
void site_free(struct site *site);

/* The factor of this key in factors.conf; NULL when there is none. */
const struct factor *site_factor(const struct site *site, const char *key);

/* Why a limit that covers the outlet's sector cannot be judged there: the rest of a sentence, written to `buf`. NULL
 * when the limit can be judged. */
const char *site_refusal(const struct outlet *outlet, const struct limit *limit, char *buf, size_t size);

/* True when the outlet is judged by this tier. */
bool site_wants_tier(const struct site *site, size_t outlet, const char *tier);

/* Writes the normal form of emisd.conf; reading it again gives the same site. */
void site_print(const struct site *site, FILE *out);

#endif
