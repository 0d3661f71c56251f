/* conf.h - configuration files read with libconfig, checked so that nothing passes in silence.
 *
 * Every complaint is "file:line: sentence", is collected, and none ends the reading: all are reported
 * at once. What libconfig accepts without a word and we do not (pitfalls 61-66): integers that do not
 * fit, infinity, unclosed comments, unknown keys, a byte order mark. */
#ifndef EMIS_DAEMON_CONF_CONF_H
#define EMIS_DAEMON_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/conf/conf_errors.h"

struct conf;
struct config_setting_t; /* of libconfig */

/* A group, list or value of a file; copies are cheap. setting is NULL for what is not there. */
struct conf_node {
	struct conf *conf;
	struct config_setting_t *setting;
};

/* Reads a regular file of at most 1 MiB. NULL, with complaints, when it cannot be parsed.
 * `errors` and `path` must outlive the result. */
struct conf *conf_open(const char *path, struct conf_errors *errors);
void conf_close(struct conf *conf);

struct conf_node conf_root(struct conf *conf);
int conf_line(struct conf_node node);
const char *conf_path(struct conf_node node);

/* Complains about the place of the node. */
void conf_node_complain(struct conf_node node, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define CONF_WORDS_SIZE 640

/* The end of a complaint about a word that is none of the NULL-terminated list: the nearest of them, and all of them.
 * Into buf of CONF_WORDS_SIZE, which is returned. */
const char *conf_words(const char *found, const char *const *words, char *buf);

/* The same for names that are elements of an array: `first` is the name in the first of n elements, `stride` bytes
 * apart. */
const char *conf_names(const char *found, const char *first, size_t n, size_t stride, char *buf);

/* Complains about every key of the group that is not in the NULL-terminated list. */
void conf_allow(struct conf_node group, const char *const *keys);

bool conf_has(struct conf_node group, const char *key);

/* A member that must be a group, or a list of groups. When it is missing: a complaint if required;
 * the node's setting is then NULL and its count 0. */
struct conf_node conf_group(struct conf_node group, const char *key, bool required);
struct conf_node conf_list(struct conf_node group, const char *key, bool required);
size_t conf_count(struct conf_node list);
struct conf_node conf_at(struct conf_node list, size_t index);

/* The allowed values, both ends included. Integers and milliseconds up to 2^53 are exact in it. */
struct conf_range {
	double min;
	double max;
};
#define CONF_RANGE(low, high) ((struct conf_range){ (double)(low), (double)(high) })

/* Values. True when the key is there and good; *ret is untouched otherwise. A bad value is a complaint;
 * so is a missing one when `required`. */
bool conf_string(struct conf_node group, const char *key, bool required, char *ret, size_t size);
bool conf_name(struct conf_node group, const char *key, bool required, char *ret, size_t size);
bool conf_double(struct conf_node group, const char *key, bool required, struct conf_range range, double *ret);
bool conf_int(struct conf_node group, const char *key, bool required, struct conf_range range, int64_t *ret);
bool conf_bool(struct conf_node group, const char *key, bool required, bool *ret);
bool conf_duration(struct conf_node group, const char *key, bool required, struct conf_range range_ms, int64_t *ret_ms);

/* A size of at least `least` bytes, as "2GiB". */
bool conf_size(struct conf_node group, const char *key, bool required, int64_t least, int64_t *ret_bytes);

/* A string out of a NULL-terminated table; *ret_index is its place. */
bool conf_choice(struct conf_node group, const char *key, bool required, const char *const *choices, size_t *ret_index);

/* Arrays and lists of scalars, by place. */
struct conf_node conf_array(struct conf_node group, const char *key, bool required);
bool conf_string_at(struct conf_node array, size_t index, char *ret, size_t size);
bool conf_int_at(struct conf_node array, size_t index, int64_t *ret);

/* The settings of a text as lines "outlets.DA001.points.so2.from = gas.so2". False when it cannot be parsed. */
bool conf_flatten(const char *text, FILE *out);

#endif
