/* fuzz_decode.c - random registers with random profiles: no crash, and no number without its flag. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/decode.h"
#include "core/plan.h"

static const uint8_t *input;
static size_t left;

static uint8_t byte(void)
{
	if (left == 0) {
		return 0;
	}
	left--;
	return *input++;
}

static uint16_t word(void)
{
	return (uint16_t)(byte() << 8 | byte());
}

static void random_field(struct reg_field *field)
{
	field->type = (enum reg_type)(byte() % (REG_TYPE_COUNT));
	field->function = field->type == REG_BIT ? 1 + byte() % 2 : 3 + byte() % 2;
	field->order = (enum reg_order)(byte() % 4);
	field->address = (uint16_t)(word() % 65500);
	field->registers = (uint8_t)(1 + byte() % (field->type == REG_BCD ? 4 : FIELD_REGISTERS));
	field->every_s = byte() % 4 == 0 ? byte() : 0;
}

static void random_profile(struct profile *p)
{
	p->max_registers = 2 + byte() % (REQUEST_REGISTERS - 1);
	p->max_gap = byte() % 20;
	p->n_statuses = byte() % PROFILE_STATUSES;
	p->n_channels = byte() % PROFILE_CHANNELS;
	p->n_auxiliaries = byte() % PROFILE_AUXILIARIES;
	for (size_t i = 0; i < p->n_auxiliaries; i++) {
		random_field(&p->auxiliaries[i].field);
		p->auxiliaries[i].scale = 1.0;
	}
	p->n_forbidden = byte() % PROFILE_FORBIDDEN;
	for (size_t i = 0; i < p->n_forbidden; i++) {
		uint16_t first = word();
		p->forbidden[i] = (struct forbidden){ 3 + byte() % 2, first, (uint16_t)(first + byte() / 4) };
	}
	for (size_t i = 0; i < p->n_statuses; i++) {
		struct status *s = &p->statuses[i];
		random_field(&s->field);
		s->n_rules = byte() % STATUS_RULES;
		s->otherwise = (enum flag)(byte() % FLAG_COUNT);
		for (size_t k = 0; k < s->n_rules; k++) {
			s->rules[k] = (struct status_rule){ byte() & 1 ? word() : 0, byte() & 1, byte(), byte(),
				(enum flag)(byte() % FLAG_COUNT) };
		}
	}
	for (size_t i = 0; i < p->n_channels; i++) {
		struct channel *c = &p->channels[i];
		channel_init(c);
		random_field(&c->field);
		if (p->n_auxiliaries > 0) {
			c->decimals = (uint8_t)(byte() % (p->n_auxiliaries + 1));
			c->fraction = (uint8_t)(byte() % (p->n_auxiliaries + 1));
		}
		c->scale = byte();
		c->offset = (int8_t)byte();
		c->min = byte() & 1 ? NAN : (int8_t)byte();
		c->max = byte() & 1 ? NAN : (int8_t)byte();
		c->n_status = p->n_statuses ? byte() % CHANNEL_STATUSES : 0;
		for (size_t k = 0; k < c->n_status; k++) {
			c->status[k] = (uint8_t)(byte() % p->n_statuses);
		}
	}
}

/* Splits a request again and again, down to single fields; the two parts must be adjacent and must not cut a field. */
static void check_split(const struct profile *p, const struct request *whole)
{
	struct request first, second;
	const struct reg_field *fields[PROFILE_FIELDS];
	size_t n = profile_fields(p, fields);

	if (!plan_split(p, whole, &first, &second)) {
		return;
	}
	if (first.count == 0 || second.count == 0 || first.address < whole->address ||
		first.address + first.count > second.address ||
		second.address + second.count > whole->address + whole->count) {
		abort();
	}
	for (size_t i = 0; i < n; i++) {
		const struct reg_field *f = fields[i];
		unsigned end = f->address + field_width(f);
		bool inside = f->function == whole->function && f->every_s == whole->every_s &&
			f->address >= whole->address && end <= (unsigned)whole->address + whole->count;
		bool in_first = f->address >= first.address && end <= (unsigned)first.address + first.count;
		bool in_second = f->address >= second.address && end <= (unsigned)second.address + second.count;
		if (inside && !in_first && !in_second) {
			abort();
		}
	}
	check_split(p, &first);
	check_split(p, &second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct profile profile;
	static struct answer answers[PROFILE_REQUESTS];

	input = data;
	left = size;
	memset(&profile, 0, sizeof(profile));
	random_profile(&profile);
	if (plan_requests(&profile) < 0) {
		return 0;
	}
	for (size_t i = 0; i < profile.n_requests; i++) {
		const struct request *r = &profile.requests[i];
		if (r->count > profile.max_registers || r->address + r->count > 65536) {
			abort(); /* the request exceeds the bounds of the profile or of the protocol */
		}
		answers[i].result = (enum answer_result)(byte() % (ANSWER_BROKEN + 1));
		memset(answers[i].refused, byte() % 8 ? 0 : byte(), sizeof(answers[i].refused));
		check_split(&profile, r);
		for (size_t k = 0; k < r->count; k++) {
			answers[i].registers[k] = word();
		}
	}
	for (size_t i = 0; i < profile.n_channels; i++) {
		double value;
		enum flag flag;
		const struct request *r = plan_request_of(&profile, &profile.channels[i].field);
		decode_channel(&profile, &profile.channels[i], answers, &value, &flag);
		if (!r ||
			(!isfinite(value) && flag == FLAG_NORMAL && profile.channels[i].scale < 256.0 &&
				!isnan(value))) {
			abort(); /* a channel that is not read, or an infinite value with the flag N */
		}
		if (isnan(value) && flag == FLAG_NORMAL) {
			abort(); /* a reading without a number must not have the flag N */
		}
		if (r && answers[r - profile.requests].result != ANSWER_OK && !isnan(value)) {
			abort(); /* a number from a read that failed */
		}
	}
	return 0;
}
