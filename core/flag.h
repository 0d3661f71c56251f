/* flag.h - the data flags of HJ 212-2017, 6.6.4 Table 8: whether a value can be used, and if not, why. */
#ifndef EMIS_CORE_FLAG_H
#define EMIS_CORE_FLAG_H

#include <stdbool.h>

/* In order of severity, the least severe first. The order of the abnormal letters (D B F M C T S, the most severe
 * first) is our interpretation: HJ 212-2017 does not say which letter wins (docs/DECISIONS.md). */
enum flag {
	FLAG_NORMAL,      /* N */
	FLAG_MANUAL,      /* S manually entered */
	FLAG_OVER_RANGE,  /* T above measuring range */
	FLAG_CALIBRATION, /* C */
	FLAG_MAINTENANCE, /* M */
	FLAG_STOPPED,     /* F instrument stopped */
	FLAG_NO_COMM,     /* B no communication between instrument and logger */
	FLAG_FAULT,       /* D instrument fault, and every unknown state */
	FLAG_COUNT
};

char flag_letter(enum flag flag);

/* False when the letter is not one of the eight. */
bool flag_from_letter(char letter, enum flag *ret_flag);

/* The more severe of two flags. */
enum flag flag_worse(enum flag a, enum flag b);

#endif
