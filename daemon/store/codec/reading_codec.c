#include "daemon/store/codec/reading_codec.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/store/codec/column_codec.h"

#define LATE_BIT 0x80
#define NO_VALUE_BIT 0x40
#define MAX_READINGS 8000000ULL /* in one pack: more than an hour of 1000 points every half second */
#define MAX_PLAIN (MAX_READINGS * 16)

/* Readings of one stamp in the order of their series. */
struct instant {
	size_t first; /* reading */
	size_t n;
	size_t group;
};

/* Instants of the same series. */
struct group {
	size_t first; /* of its instants in `members` */
	size_t n_instants;
	size_t n_series;
	uint32_t hash; /* of the series */
};

struct packing {
	const struct packed_reading *readings;
	size_t n;
	int64_t base_ms;
	struct instant *instants;
	size_t n_instants;
	struct group *groups;
	size_t n_groups;
	size_t *members;     /* instants by group */
	int64_t first_stamp; /* of the group before; stamps are stored relative to it */
	/* columns of the group that is being written */
	int64_t *stamps;
	double *numbers;
	uint8_t *flags;
	struct bytes_out out;
};

/* ---- packing ---- */

static void find_instants(struct packing *p)
{
	for (size_t i = 0; i < p->n;) {
		size_t end = i + 1;
		while (end < p->n && p->readings[end].reading.at.ms == p->readings[i].reading.at.ms &&
			p->readings[end].series > p->readings[end - 1].series) {
			end++;
		}
		p->instants[p->n_instants++] = (struct instant){ .first = i, .n = end - i };
		i = end;
	}
}

static bool same_series(const struct packing *p, const struct instant *a, const struct instant *b)
{
	for (size_t i = 0; i < a->n; i++) {
		if (p->readings[a->first + i].series != p->readings[b->first + i].series) {
			return false;
		}
	}
	return a->n == b->n;
}

static void find_groups(struct packing *p)
{
	for (size_t i = 0; i < p->n_instants; i++) {
		struct instant *instant = &p->instants[i];
		uint32_t hash = 0;
		for (size_t k = 0; k < instant->n; k++) {
			hash = hash * 31 + p->readings[instant->first + k].series + 1;
		}
		size_t g = 0;
		while (g < p->n_groups &&
			(p->groups[g].hash != hash || p->groups[g].n_series != instant->n ||
				!same_series(p, &p->instants[p->groups[g].first], instant))) {
			g++;
		}
		if (g == p->n_groups) {
			p->groups[p->n_groups++] = (struct group){ .first = i, .n_series = instant->n, .hash = hash };
		}
		p->groups[g].n_instants++;
		instant->group = g;
	}
	size_t first = 0;
	for (size_t g = 0; g < p->n_groups; g++) {
		p->groups[g].first = first;
		first += p->groups[g].n_instants;
		p->groups[g].n_instants = 0;
	}
	for (size_t i = 0; i < p->n_instants; i++) {
		struct group *group = &p->groups[p->instants[i].group];
		p->members[group->first + group->n_instants++] = i;
	}
}

/* The k-th instant of the group. */
static const struct instant *member(const struct packing *p, const struct group *group, size_t k)
{
	return &p->instants[p->members[group->first + k]];
}

/* Runs of equal steps: the series of an instrument mostly have ids that follow each other. */
static void put_series(struct packing *p, const struct instant *instant)
{
	const struct packed_reading *r = &p->readings[instant->first];
	uint16_t before = 0;

	for (size_t i = 0; i < instant->n;) {
		uint16_t step = (uint16_t)(r[i].series - before);
		size_t end = i + 1;
		while (end < instant->n && r[end].series - r[end - 1].series == step) {
			end++;
		}
		bytes_put_unsigned(&p->out, end - i);
		bytes_put_unsigned(&p->out, step);
		before = r[end - 1].series;
		i = end;
	}
}

static void put_head(struct packing *p)
{
	bytes_put_unsigned(&p->out, p->n);
	bytes_put_unsigned(&p->out, p->n_groups);
	for (size_t g = 0; g < p->n_groups; g++) {
		const struct instant *instant = member(p, &p->groups[g], 0);
		bytes_put_unsigned(&p->out, instant->n);
		bytes_put_unsigned(&p->out, p->groups[g].n_instants);
		put_series(p, instant);
	}
	for (size_t i = 0; i < p->n_instants; i++) {
		bytes_put_unsigned(&p->out, p->instants[i].group);
	}
}

/* The flag byte of every reading, series after series: mostly one run. */
static void put_flags(struct packing *p, const struct group *group)
{
	size_t n = 0;

	for (size_t column = 0; column < group->n_series; column++) {
		for (size_t i = 0; i < group->n_instants; i++) {
			const struct packed_reading *r = &p->readings[member(p, group, i)->first + column];
			p->flags[n++] = (uint8_t)((unsigned)r->reading.flag | (r->late ? LATE_BIT : 0) |
				(isnan(r->reading.value) ? NO_VALUE_BIT : 0));
		}
	}
	column_codec_put_runs(&p->out, p->flags, n);
}

/* The numbers of a series; readings without a value have none. */
static void put_column(struct packing *p, const struct group *group, size_t column)
{
	size_t n_numbers = 0;

	for (size_t i = 0; i < group->n_instants; i++) {
		double value = p->readings[member(p, group, i)->first + column].reading.value;
		if (!isnan(value)) {
			p->numbers[n_numbers++] = value;
		}
	}
	column_codec_put_numbers(&p->out, p->numbers, n_numbers);
}

static bool put_group(struct packing *p, const struct group *group)
{
	for (size_t i = 0; i < group->n_instants; i++) {
		int64_t offset = p->readings[member(p, group, i)->first].reading.at.ms - p->base_ms;
		if (offset > READING_CODEC_SPAN_MS || offset < -READING_CODEC_SPAN_MS) {
			return false;
		}
		p->stamps[i] = offset - p->first_stamp;
	}
	p->first_stamp += p->stamps[0];
	column_codec_put_steps(&p->out, p->stamps, group->n_instants);
	put_flags(p, group);
	for (size_t column = 0; column < group->n_series; column++) {
		put_column(p, group, column);
	}
	return true;
}

unsigned char *reading_codec_pack(
	const struct packed_reading *readings, size_t n, int64_t base_ms, bool deflate, size_t *ret_size)
{
	struct packing p = { .readings = readings, .n = n, .base_ms = base_ms };
	bool good = false;

	p.instants = malloc(n * sizeof(*p.instants));
	p.groups = calloc(n, sizeof(*p.groups));
	p.members = malloc(n * sizeof(*p.members));
	p.stamps = malloc(n * sizeof(*p.stamps));
	p.numbers = malloc(n * sizeof(*p.numbers));
	p.flags = malloc(n);
	if (p.instants && p.groups && p.members && p.stamps && p.numbers && p.flags && n <= MAX_READINGS) {
		find_instants(&p);
		find_groups(&p);
		put_head(&p);
		good = true;
		for (size_t g = 0; good && g < p.n_groups; g++) {
			good = put_group(&p, &p.groups[g]);
		}
	}
	free(p.instants);
	free(p.groups);
	free(p.members);
	free(p.stamps);
	free(p.numbers);
	free(p.flags);
	p.out = column_codec_close(p.out, deflate);
	if (!good || p.out.failed) {
		free(p.out.data);
		return NULL;
	}
	*ret_size = p.out.n;
	return p.out.data;
}

/* ---- unpacking ---- */

struct columns {
	uint16_t *series;
	size_t n_series;
	size_t n_instants;
	int64_t *stamps;
	uint8_t *flags;  /* n_instants for each series */
	double *numbers; /* n_instants for each series */
	size_t next;     /* instant to hand out next */
};

struct unpacking {
	struct bytes_in in;
	struct columns *groups;
	size_t n_groups;
	uint64_t n;
	uint64_t n_instants;
	const unsigned char *order;
	size_t order_size;
};

static bool get_series(struct unpacking *u, struct columns *c)
{
	uint64_t n_series = bytes_get_unsigned(&u->in), n_instants = bytes_get_unsigned(&u->in), series = 0;

	if (n_series == 0 || n_instants == 0 || n_series > UINT16_MAX + 1 || n_instants > u->n / n_series) {
		return false;
	}
	c->n_series = n_series;
	c->n_instants = n_instants;
	c->series = calloc(n_series, sizeof(*c->series));
	c->stamps = calloc(n_instants, sizeof(*c->stamps));
	c->flags = calloc(n_series * n_instants, sizeof(*c->flags));
	c->numbers = calloc(n_series * n_instants, sizeof(*c->numbers));
	if (!c->series || !c->stamps || !c->flags || !c->numbers) {
		return false;
	}
	for (size_t i = 0; i < n_series;) {
		uint64_t run = bytes_get_unsigned(&u->in), step = bytes_get_unsigned(&u->in);
		if (u->in.failed || run == 0 || run > n_series - i || step > (UINT16_MAX - series) / run) {
			return false;
		}
		for (; run > 0; run--) {
			series += step;
			c->series[i++] = (uint16_t)series;
		}
	}
	u->n_instants += n_instants;
	return !u->in.failed;
}

static bool get_head(struct unpacking *u)
{
	uint64_t total = 0;

	u->n = bytes_get_unsigned(&u->in);
	uint64_t n_groups = bytes_get_unsigned(&u->in);
	if (u->in.failed || u->n == 0 || u->n > MAX_READINGS || n_groups == 0 || n_groups > u->n ||
		n_groups > u->in.left) {
		return false;
	}
	u->groups = calloc(n_groups, sizeof(*u->groups));
	for (; u->groups && u->n_groups < n_groups;
		total += u->groups[u->n_groups - 1].n_series * u->groups[u->n_groups - 1].n_instants) {
		if (total > u->n || !get_series(u, &u->groups[u->n_groups++])) {
			return false;
		}
	}
	return u->groups && total == u->n;
}

/* Checks the order of instants and remembers where the order begins: hand_out() reads the order again. */
static bool check_order(struct unpacking *u)
{
	const unsigned char *start = u->in.data;

	for (uint64_t i = 0; i < u->n_instants && !u->in.failed; i++) {
		uint64_t group = bytes_get_unsigned(&u->in);
		if (group >= u->n_groups || u->groups[group].next == u->groups[group].n_instants) {
			return false;
		}
		u->groups[group].next++;
	}
	u->order = start;
	u->order_size = (size_t)(u->in.data - start);
	return !u->in.failed;
}

/* Reads the numbers of a column, then moves them, from the last to the first, to the readings that have a value. */
static bool get_column(struct unpacking *u, const uint8_t *flags, double *numbers, size_t n)
{
	size_t n_numbers = 0;

	for (size_t i = 0; i < n; i++) {
		n_numbers += !(flags[i] & NO_VALUE_BIT);
		if ((flags[i] & ~(LATE_BIT | NO_VALUE_BIT)) >= FLAG_COUNT) {
			return false;
		}
	}
	if (!column_codec_get_numbers(&u->in, numbers, n_numbers)) {
		return false;
	}
	for (size_t i = n; i-- > 0;) {
		numbers[i] = flags[i] & NO_VALUE_BIT ? NAN : numbers[--n_numbers];
	}
	return true;
}

/* Stamps are stored relative to the first stamp of the group before. */
static bool get_stamps(struct unpacking *u, struct columns *c, int64_t *first)
{
	if (!column_codec_get_steps(&u->in, c->stamps, c->n_instants)) {
		return false;
	}
	for (size_t i = 0; i < c->n_instants; i++) {
		if (__builtin_add_overflow(c->stamps[i], *first, &c->stamps[i]) ||
			c->stamps[i] > READING_CODEC_SPAN_MS || c->stamps[i] < -READING_CODEC_SPAN_MS) {
			return false;
		}
	}
	*first = c->stamps[0];
	return true;
}

static bool get_columns(struct unpacking *u)
{
	int64_t first_stamp = 0;

	for (size_t g = 0; g < u->n_groups; g++) {
		struct columns *c = &u->groups[g];
		if (c->next != c->n_instants || !get_stamps(u, c, &first_stamp) ||
			!column_codec_get_runs(&u->in, c->flags, c->n_series * c->n_instants)) {
			return false;
		}
		c->next = 0;
		for (size_t s = 0; s < c->n_series; s++) {
			size_t first = s * c->n_instants;
			if (!get_column(u, c->flags + first, c->numbers + first, c->n_instants)) {
				return false;
			}
		}
	}
	return u->in.left == 0;
}

static void hand_out(const struct unpacking *u, int64_t base_ms,
	void (*take)(void *context, const struct packed_reading *reading), void *context)
{
	struct bytes_in order = { .data = u->order, .left = u->order_size };

	for (uint64_t i = 0; i < u->n_instants; i++) {
		struct columns *c = &u->groups[bytes_get_unsigned(&order)];
		for (size_t s = 0; s < c->n_series; s++) {
			uint8_t bits = c->flags[s * c->n_instants + c->next];
			struct packed_reading r = { .series = c->series[s], .late = bits & LATE_BIT };
			r.reading.at.ms = base_ms + c->stamps[c->next];
			r.reading.flag = (enum flag)(bits & ~(LATE_BIT | NO_VALUE_BIT));
			r.reading.value = c->numbers[s * c->n_instants + c->next];
			take(context, &r);
		}
		c->next++;
	}
}

bool reading_codec_unpack(const unsigned char *data, size_t size, int64_t base_ms,
	void (*take)(void *context, const struct packed_reading *reading), void *context)
{
	struct unpacking u = { 0 };
	size_t plain_size = 0;
	unsigned char *plain = column_codec_open(data, size, MAX_PLAIN, &plain_size);

	u.in = (struct bytes_in){ .data = plain, .left = plain_size };
	bool good = plain && get_head(&u) && check_order(&u) && get_columns(&u);
	if (good) {
		hand_out(&u, base_ms, take, context);
	}
	for (size_t g = 0; g < u.n_groups; g++) {
		free(u.groups[g].series);
		free(u.groups[g].stamps);
		free(u.groups[g].flags);
		free(u.groups[g].numbers);
	}
	free(u.groups);
	free(plain);
	return good;
}

void reading_codec_collect(void *context, const struct packed_reading *reading)
{
	struct packed_readings *list = context;

	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 4096;
		struct packed_reading *grown = realloc(list->readings, room * sizeof(*grown));
		list->failed |= !grown;
		if (!grown) {
			return;
		}
		list->readings = grown;
		list->room = room;
	}
	list->readings[list->n++] = *reading;
}
