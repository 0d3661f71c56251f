#include "daemon/conf/link_conf.h"

#define MIN_GAP_NS 1750000 /* Modbus over serial line 1.02, 2.5.1.1: above 19200 baud */

const char *link_type_name(enum link_type type)
{
	static const char *const names[] = { [LINK_TCP] = "tcp", [LINK_RTU] = "rtu", [LINK_RTU_TCP] = "rtu-tcp" };

	return names[type];
}

bool link_has_ids(const struct link_conf *conf)
{
	return conf->type == LINK_TCP && !conf->ignore_ids;
}

int64_t link_character_ns(const struct link_conf *conf)
{
	int64_t bits = 1 + conf->data_bits + (conf->parity != 'N') + conf->stop_bits;

	return bits * 1000000000LL / conf->baud;
}

int64_t link_gap_ns(const struct link_conf *conf)
{
	int64_t characters = conf->type == LINK_RTU ? link_character_ns(conf) * 7 / 2 : 0;

	return (characters > MIN_GAP_NS ? characters : MIN_GAP_NS) + conf->gap_ms * 1000000LL;
}
