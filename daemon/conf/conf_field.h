/* conf_field.h - reads where a value of a profile lies; for conf_*.c only. A function that returns bool complains
 * before it returns false. */
#ifndef EMIS_DAEMON_CONF_CONF_FIELD_H
#define EMIS_DAEMON_CONF_CONF_FIELD_H

#include "core/profile.h"
#include "daemon/conf/conf.h"

/* The names of the address notations, NULL at the end. `notation` below is an index into them. */
extern const char *const conf_notation_names[];

/* Records that repeat with a stride, as in an analyser that lists its components one after the other. */
struct records {
	int64_t count; /* 0: no records */
	int64_t stride;
};

/* Reads "count" and "stride" of a group. */
struct records conf_field_records(struct conf_node node);

/* The name of a record, by its index from 0: "peak" and 2 give "peak3". Without records the name itself. ret_name has
 * CHANNEL_NAME_SIZE bytes. */
void conf_field_record_name(const char *name, const struct records *records, int64_t index, char *ret_name);

/* Reads function, address and interval only. */
bool conf_field_place(struct conf_node node, size_t notation, struct reg_field *field);

/* Reads a whole field, and checks that all its records lie within the address space. */
bool conf_field_read(
	struct conf_node node, size_t notation, const struct records *records, struct reg_field *ret_field);

/* The field of the record with this index, from 0. */
struct reg_field conf_field_of_record(const struct reg_field *first, const struct records *records, int64_t index);

/* Reads a flag: a letter of HJ 212-2017. */
bool conf_field_flag(struct conf_node group, const char *key, enum flag *ret_flag);

#endif
