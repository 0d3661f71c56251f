/* conf.h - reads configuration files with libconfig and complains about every mistake in them.
 *
 * A complaint is "file:line: sentence". Complaints are collected and do not end the reading, so that all of them are
 * reported at once. We refuse what libconfig accepts in silence (pitfalls 61-66): integers that do not fit, infinity,
 * unclosed comments, unknown keys, a byte order mark. */
#ifndef EMIS_DAEMON_CONF_CONF_H
#define EMIS_DAEMON_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/conf/conf_errors.h"

struct conf;
struct config_setting_t; /* of libconfig */

/* A group, list or value of a file; passed by copy. `setting` is NULL when the file does not have it. */
struct conf_node {
	struct conf *conf;
	struct config_setting_t *setting;
};

/* Reads a regular file of at most 1 MiB. NULL, with complaints, when it cannot be parsed.
 * `errors` and `path` must outlive the result. */
struct conf *conf_open(const char *path, struct conf_errors *errors);
/* The same of a text in memory; `path` is what complaints call it. */
struct conf *conf_parse(const char *text, const char *path, struct conf_errors *errors);
void conf_close(struct conf *conf);

struct conf_node conf_root(struct conf *conf);
int conf_line(struct conf_node node);
const char *conf_path(struct conf_node node);

/* Adds a complaint with the file and line of the node. */
void conf_node_complain(struct conf_node node, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define CONF_WORDS_SIZE 640

/* Writes the end of a complaint about the unknown word `found`: the nearest word of the NULL-terminated list, then all
 * its words. `buf` has CONF_WORDS_SIZE bytes and is returned. */
const char *conf_words(const char *found, const char *const *words, char *buf);

/* Like conf_words(), for names that are members of array elements: `first` is the name in the first of n elements,
 * which lie `stride` bytes apart. */
const char *conf_names(const char *found, const char *first, size_t n, size_t stride, char *buf);

/* Complains about every key of the group that is not in the NULL-terminated list. */
void conf_allow_keys(struct conf_node group, const char *const *keys);

bool conf_has(struct conf_node group, const char *key);

/* A member that must itself be a group, or a list of groups. Complains about another type, and about a missing member
 * when it is required; the node's setting is then NULL and its count 0. */
struct conf_node conf_group(struct conf_node group, const char *key, bool required);
struct conf_node conf_list(struct conf_node group, const char *key, bool required);
size_t conf_count(struct conf_node list);
struct conf_node conf_at(struct conf_node list, size_t index);

/* The allowed values, both ends included. Exact for integers and milliseconds up to 2^53. */
struct conf_range {
	double min;
	double max;
};
#define CONF_RANGE(low, high) ((struct conf_range){ (double)(low), (double)(high) })

/* These functions read one value each. True when the key is there and its value is good; otherwise *ret is untouched.
 * They complain about a bad value, and about a missing key when it is `required`. */
bool conf_string(struct conf_node group, const char *key, bool required, char *ret, size_t size);
bool conf_name(struct conf_node group, const char *key, bool required, char *ret, size_t size);
bool conf_double(struct conf_node group, const char *key, bool required, struct conf_range range, double *ret);
bool conf_int(struct conf_node group, const char *key, bool required, struct conf_range range, int64_t *ret);
bool conf_bool(struct conf_node group, const char *key, bool required, bool *ret);
bool conf_duration(struct conf_node group, const char *key, bool required, struct conf_range range_ms, int64_t *ret_ms);

/* A size of at least `least` bytes, as "2GiB". */
bool conf_size(struct conf_node group, const char *key, bool required, int64_t least, int64_t *ret_bytes);

/* A string that must be in the NULL-terminated table; *ret_index is its index. */
bool conf_choice(struct conf_node group, const char *key, bool required, const char *const *choices, size_t *ret_index);

/* Arrays and lists of scalars, and their elements by index. */
struct conf_node conf_array(struct conf_node group, const char *key, bool required);
bool conf_string_at(struct conf_node array, size_t index, char *ret, size_t size);
bool conf_int_at(struct conf_node array, size_t index, int64_t *ret);

/* Writes the settings of a text as lines "outlets.DA001.points.so2.from = gas.so2". False when the text cannot be
 * parsed. */
bool conf_flatten(const char *text, FILE *out);

#endif
