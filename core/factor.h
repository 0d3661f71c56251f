/* factor.h - a factor: a monitored quantity (监测因子). config/factors.conf lists the factors. */
#ifndef EMIS_CORE_FACTOR_H
#define EMIS_CORE_FACTOR_H

#include <stdbool.h>

/* Process factors (run state, current, pressure drop) belong to outlets of either medium and have no limits. */
enum medium { MEDIUM_GAS, MEDIUM_WATER, MEDIUM_PROCESS };

#define FACTOR_KEY_SIZE 16
#define UNIT_SIZE 12

struct factor {
	char key[FACTOR_KEY_SIZE]; /* "so2": the name in configuration and topics */
	char code[8];              /* "a21026": HJ 212-2017 annex B; empty where the annex has none */
	char name[48];
	char name_zh[48];
	char unit[UNIT_SIZE]; /* of every value, limit and message of this factor */
	enum medium medium;
	int decimals;       /* digits shown after the point, HJ 212-2017 annex B */
	double molar_mass;  /* g/mol, for ppm; NAN where ppm has no meaning */
	bool flow_weighted; /* means of water weigh it by flow (HJ 212-2017 D.1 (12)-(14)) */
};

#endif
