/* conf_internal.h - the parts of the configuration, each read by a file of its own; for conf_*.c only. */
#ifndef EMIS_DAEMON_CONF_CONF_INTERNAL_H
#define EMIS_DAEMON_CONF_CONF_INTERNAL_H

#include "daemon/conf/site.h"

/* What reading a site needs beside the site. */
struct conf_load {
	struct site *site;
	const char *directory; /* of emisd.conf; what lies here wins over share */
	const char *share;
	struct conf_errors *errors;
	struct conf_errors *warnings;
};

/* factors.conf (conf_factor.c) and limits.d (conf_limit.c). */
void conf_load_factors(struct conf_load *load);
void conf_load_limits(struct conf_load *load);

/* A legal date, "2019-04-22": midnight in China. As the values of conf.h. */
bool conf_date(struct conf_node group, const char *key, bool required, struct utc *ret);

/* profiles.d/NAME.conf, once for all instruments that use it (conf_profile.c); variant "" is the map itself. NULL
 * with complaints. */
bool conf_find_profile(
	struct conf_load *load, struct conf_node instrument, const char *name); /* else a complaint there */
const struct profile *conf_load_profile(struct conf_load *load, const char *name, const char *variant);

/* The lists of a profile or of one of its variants (conf_channel.c): first statuses, identify and auxiliaries, then
 * the channels, which refer to them. `replace`: names that are there already may come again. */
void conf_read_states(struct conf_node group, size_t notation, struct profile *p, bool replace);
void conf_read_channels(struct conf_node group, size_t notation, struct profile *p, bool replace);

/* Notes each channel of the list that would take registers without a value for one (conf_channel.c). */
void conf_note_channels(struct conf_node group, const struct profile *p, struct conf_errors *notes);

/* The outlets of emisd.conf (conf_outlet.c) with their points (conf_point.c) and the limits that apply to them
 * (conf_bind.c). */
void conf_load_outlets(struct conf_load *load, struct conf_node root);
void conf_read_point(struct conf_load *load, struct conf_node node, struct outlet *outlet, size_t outlet_index);
void conf_check_inputs(struct conf_node node, const struct outlet *outlet);
void conf_bound_computed(struct outlet *outlet); /* how low a computed value can be, by its inputs */
bool conf_wants_tier(char (*tiers)[16], const char *tier);
void conf_bind_limits(struct conf_load *load, struct conf_node node, struct outlet *outlet, char (*tiers)[16]);
void conf_read_confirmed(struct conf_load *load, struct conf_node outlet_node, struct outlet *outlet);

/* The section `judging`: defaults, reading, printing (conf_judging.c). */
void conf_judging_defaults(struct pipeline_settings *judging);
void conf_read_judging(struct conf_node root, struct pipeline_settings *judging);
void conf_print_judging(FILE *out, const struct pipeline_settings *judging);

/* ---- for all of them (conf_load.c) ---- */

/* Grows an array of n elements by one zeroed element and returns that; NULL, with a complaint, when
 * out of memory. Elements may move: take no pointers before the array is complete. */
void *conf_grow(struct conf_load *load, void *array_pointer, size_t *n, size_t element_size);

/* The file `name` beside emisd.conf if it is there, else the one in share. */
void conf_find(const struct conf_load *load, const char *name, char *ret_path, size_t size);

/* For scandir(): names that end in .conf. */
struct dirent;
int conf_is_file(const struct dirent *entry);

/* "; did you mean ...?" for a factor that is not there, or "" (conf_factor.c). buf has CONF_WORDS_SIZE. */
const char *conf_nearest_factor(const struct site *site, const char *key, char *buf);

/* What the configuration names and is not there: notes, since a box is configured before all of it is (conf_files.c).
 */
void conf_note_files(struct conf_load *load, struct conf_node root);

/* conf_mqtt.c */
void conf_read_mqtt(struct conf_node root, struct mqtt_conf *mqtt);
/* A name that becomes a level of topics, required: as conf_name(), without a dot. */
bool conf_topic_level(struct conf_node group, const char *key, char *ret, size_t size);

#endif
