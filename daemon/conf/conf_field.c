/* conf_field.c - reads where a value lies: function, address, type and order, and the records that repeat it. */
#include <stdio.h>
#include <string.h>

#include "common/time.h"
#include "daemon/conf/conf_field.h"

#define MAX_RECORDS 64

/* How manuals write addresses: the first and the last number of each notation. `base` means address 0 on the wire. */
static const struct {
	int64_t base;
	int64_t last;
} notations[] = { { 0, 65535 }, { 0, 65535 }, { 1, 9999 }, { 10001, 19999 }, { 30001, 39999 }, { 40001, 49999 },
	{ 300001, 365536 }, { 400001, 465536 } };
const char *const conf_notation_names[] = { "wire", "hex", "0xxxx", "1xxxx", "3xxxx", "4xxxx", "3xxxxx", "4xxxxx",
	NULL };

/* In the order of enum reg_type and enum reg_order. */
static const char *const type_names[] = { "bit", "u8hi", "u8lo", "u16", "i16", "u32", "i32", "f32", "u64", "i64", "f64",
	"bcd", "ascii", NULL };
static const char *const order_names[][5] = { { "AB", "-", "BA", "-", NULL }, { "ABCD", "CDAB", "BADC", "DCBA", NULL },
	{ "ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA", NULL } };

bool conf_field_flag(struct conf_node group, const char *key, enum flag *ret_flag)
{
	char text[8];

	if (!conf_string(group, key, true, text, sizeof(text))) {
		return false;
	}
	if (strlen(text) != 1 || !flag_from_letter(text[0], ret_flag)) {
		conf_node_complain(group, "%s: \"%s\" is not a flag; the flags are N F M S D C T B", key, text);
		return false;
	}
	return true;
}

struct records conf_field_records(struct conf_node node)
{
	struct records records = { 0, 0 };

	if (conf_int(node, "count", false, CONF_RANGE(1, MAX_RECORDS), &records.count)) {
		(void)conf_int(
			node, "stride", true, CONF_RANGE(1, 1000), &records.stride); /* a complaint refuses the file */
	} else if (conf_has(node, "stride")) {
		conf_node_complain(node, "stride needs count");
	}
	return records;
}

void conf_field_record_name(const char *name, const struct records *records, int64_t index, char *ret_name)
{
	if (records->count > 0) {
		snprintf(ret_name, CHANNEL_NAME_SIZE, "%.*s%hhu", CHANNEL_NAME_SIZE - 4, name,
			(unsigned char)(index + 1));
	} else {
		snprintf(ret_name, CHANNEL_NAME_SIZE, "%.*s", CHANNEL_NAME_SIZE - 1, name);
	}
}

/* A value in one register is AB (high byte first, as the protocol says) unless the profile says BA. A longer value
 * needs an order in the profile, because none can be assumed. */
static bool read_order(struct conf_node node, struct reg_field *field)
{
	unsigned width = field_width(field);
	bool text = field->type == REG_BCD || field->type == REG_ASCII;
	size_t row = width == 1 || text ? 0 : width == 2 ? 1 : 2, order = 0;

	if (field->type == REG_BIT && conf_has(node, "order")) {
		conf_node_complain(node, "order: a bit has no byte order; remove this key");
		return false;
	}
	if (!conf_choice(node, "order", row > 0, order_names[row], &order)) {
		return row == 0 && !conf_has(node, "order");
	}
	field->order = (enum reg_order)order;
	return true;
}

bool conf_field_place(struct conf_node node, size_t notation, struct reg_field *field)
{
	int64_t function = 0, address = 0, every_ms = 0;
	bool good = conf_int(node, "function", true, CONF_RANGE(1, 4), &function);

	good &= conf_int(
		node, "address", true, CONF_RANGE(notations[notation].base, notations[notation].last), &address);
	(void)conf_duration(
		node, "every", false, CONF_RANGE(1000, 24 * HOUR_MS), &every_ms); /* a complaint refuses the file */
	field->function = (uint8_t)function;
	field->address = (uint16_t)(address - notations[notation].base);
	field->every_s = (uint32_t)(every_ms / 1000);
	return good;
}

static bool reaches_beyond(struct conf_node node, const struct reg_field *field, const struct records *records)
{
	int64_t records_end = records->count > 0 ? (records->count - 1) * records->stride : 0;

	if (field->address + records_end + field_width(field) <= 65536) {
		return false;
	}
	conf_node_complain(
		node, "the value ends beyond the last address 65535; check address, type, registers, count and stride");
	return true;
}

bool conf_field_read(struct conf_node node, size_t notation, const struct records *records, struct reg_field *ret_field)
{
	struct reg_field field = { 0 };
	int64_t registers = 0;
	size_t type = 0;
	bool good = conf_field_place(node, notation, &field);

	if (!conf_choice(node, "type", true, type_names, &type) || !good) {
		return false;
	}
	field.type = (enum reg_type)type;
	bool sized = field.type == REG_BCD || field.type == REG_ASCII;
	if (sized &&
		!conf_int(node, "registers", true, CONF_RANGE(1, field.type == REG_BCD ? 4 : FIELD_REGISTERS),
			&registers)) {
		return false;
	}
	if (!sized && conf_has(node, "registers")) {
		conf_node_complain(
			node, "registers: only bcd and ascii need it; \"%s\" has its own size", type_names[type]);
		return false;
	}
	field.registers = (uint8_t)registers;
	if ((field.type == REG_BIT) != (field.function <= 2)) {
		conf_node_complain(node,
			"type \"%s\" does not fit function %d; use functions 1 and 2 for bits, 3 and 4 for registers",
			type_names[type], (int)field.function);
		return false;
	}
	if (!read_order(node, &field) || reaches_beyond(node, &field, records)) {
		return false;
	}
	*ret_field = field;
	return true;
}

struct reg_field conf_field_of_record(const struct reg_field *first, const struct records *records, int64_t index)
{
	struct reg_field field = *first;

	field.address = (uint16_t)(field.address + index * records->stride);
	return field;
}
