/* conf_field.h - reading the place of a value in a profile; for conf_*.c only. All complain and return false. */
#ifndef EMIS_DAEMON_CONF_CONF_FIELD_H
#define EMIS_DAEMON_CONF_CONF_FIELD_H

#include "core/profile.h"
#include "daemon/conf/conf.h"

/* The notations of addresses, NULL at the end; a field refers to one by its place. */
extern const char *const conf_notation_names[];

/* What repeats with a stride: the records of an analyser that lists its components one after the other. */
struct records {
	int64_t count; /* 0: no records */
	int64_t stride;
};

/* "count" and "stride" of a group. */
struct records conf_field_records(struct conf_node node);

/* "peak" and 2 give "peak3"; without records the name itself. ret_name of CHANNEL_NAME_SIZE. */
void conf_field_record_name(const char *name, const struct records *records, int64_t index, char *ret_name);

/* Function, address and interval only. */
bool conf_field_place(struct conf_node node, size_t notation, struct reg_field *field);

/* A whole field, whose records all lie within the address space. */
bool conf_field_read(
	struct conf_node node, size_t notation, const struct records *records, struct reg_field *ret_field);

/* The field of the record with this number. */
struct reg_field conf_field_of_record(const struct reg_field *first, const struct records *records, int64_t index);

/* A letter of HJ 212-2017. */
bool conf_field_flag(struct conf_node group, const char *key, enum flag *ret_flag);

#endif
