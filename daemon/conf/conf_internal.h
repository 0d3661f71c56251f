/* conf_internal.h - the readers of the parts of the configuration, each in its own file; for conf_*.c only. */
#ifndef EMIS_DAEMON_CONF_CONF_INTERNAL_H
#define EMIS_DAEMON_CONF_CONF_INTERNAL_H

#include "daemon/conf/site.h"

/* The site that is being loaded, and what its readers need. */
struct conf_load {
	struct site *site;
	const char *directory; /* of emisd.conf; a file here replaces the one of the catalogue */
	const char *catalogue; /* the folder of the shipped profiles, limits and factors (--share) */
	struct conf_errors *errors;
	struct conf_errors *warnings;
};

/* Read factors.conf (conf_factor.c) and limits.d (conf_limit.c). */
void conf_load_factors(struct conf_load *load);
void conf_load_limits(struct conf_load *load);

/* Reads a legal date, "2019-04-22", as midnight in China. Returns and complains like conf_string(). */
bool conf_date(struct conf_node group, const char *key, bool required, struct utc *ret);

/* True when profiles.d/NAME.conf exists; otherwise complains about the instrument (conf_profile.c). */
bool conf_find_profile(struct conf_load *load, struct conf_node instrument, const char *name);
/* Loads profiles.d/NAME.conf, once for all instruments that use it (conf_profile.c). The variant "" is the register map
 * itself. The site owns the profile, which is not complete after complaints. NULL when out of memory. */
const struct profile *conf_load_profile(struct conf_load *load, const char *name, const char *variant);

/* Read the lists of a profile or of one of its variants (conf_channel.c): first statuses, identify and auxiliaries,
 * then the channels, which refer to them. `replace`: an entry replaces an earlier one of the same name; otherwise it is
 * an error. */
void conf_read_states(struct conf_node group, size_t notation, struct profile *p, bool replace);
void conf_read_channels(struct conf_node group, size_t notation, struct profile *p, bool replace);

/* Adds a note for each channel that may take registers that mean "no value" for a value (conf_channel.c). */
void conf_note_channels(struct conf_node group, const struct profile *p, struct conf_errors *notes);

/* Read the outlets of emisd.conf (conf_outlet.c) with their points (conf_point.c) and the limits that apply to them
 * (conf_bind.c). */
void conf_load_outlets(struct conf_load *load, struct conf_node root);
void conf_read_point(struct conf_load *load, struct conf_node node, struct outlet *outlet, size_t outlet_index);
void conf_check_inputs(struct conf_node node, const struct outlet *outlet);
/* Sets how low a computed value can be, from the bounds of its inputs. */
void conf_set_computed_bounds(struct outlet *outlet);
/* True when `tier` is one of `tiers`. */
bool conf_wants_tier(char (*tiers)[16], const char *tier);
void conf_bind_limits(struct conf_load *load, struct conf_node node, struct outlet *outlet, char (*tiers)[16]);
void conf_read_confirmed(struct conf_load *load, struct conf_node outlet_node, struct outlet *outlet);

/* Set the defaults of the section `judging`, read it, print it (conf_judging.c). */
void conf_judging_defaults(struct pipeline_settings *judging);
void conf_read_judging(struct conf_node root, struct pipeline_settings *judging);
void conf_print_judging(FILE *out, const struct pipeline_settings *judging);

/* ---- for all readers (conf_load.c) ---- */

/* Adds one zeroed element to an array of *n elements and returns the element. NULL, with a complaint, when out of
 * memory. Elements may move: take no pointers to them before the array is complete. */
void *conf_grow_array(struct conf_load *load, void *array_pointer, size_t *n, size_t element_size);

/* The path of the file `name` beside emisd.conf if it exists, otherwise of the one in the catalogue. */
void conf_find_file(const struct conf_load *load, const char *name, char *ret_path, size_t size);

/* A filter for scandir(): names that end in .conf. */
struct dirent;
int conf_is_file(const struct dirent *entry);

/* "; did you mean ...?" for an unknown factor, or "" (conf_factor.c). buf has CONF_WORDS_SIZE bytes. */
const char *conf_nearest_factor(const struct site *site, const char *key, char *buf);

/* Adds a note for each missing file that the configuration names (conf_files.c). No error: a box may be configured
 * before all files are there. */
void conf_note_files(struct conf_load *load, struct conf_node root);

/* Reads the section `mqtt` (conf_mqtt.c). */
void conf_read_mqtt(struct conf_node root, struct mqtt_conf *mqtt);
/* Reads a required name that becomes a level of MQTT topics: like conf_name(), but without a dot. */
bool conf_topic_level(struct conf_node group, const char *key, char *ret, size_t size);

#endif
