/* flag.h - what a value is worth: the data flags of HJ 212-2017, 6.6.4 Table 8. */
#ifndef EMIS_CORE_FLAG_H
#define EMIS_CORE_FLAG_H

#include <stdbool.h>

/* In order of gravity, least first. The order of the abnormal letters, D B F M C T S from the gravest,
 * is our reading (HJ 212-2017 does not say which letter wins); docs/DECISIONS.md. */
enum flag {
	FLAG_NORMAL,      /* N */
	FLAG_MANUAL,      /* S manually entered */
	FLAG_OVER_RANGE,  /* T above measuring range */
	FLAG_CALIBRATION, /* C */
	FLAG_MAINTENANCE, /* M */
	FLAG_STOPPED,     /* F instrument stopped */
	FLAG_NO_COMM,     /* B no communication between instrument and logger */
	FLAG_FAULT,       /* D instrument fault, and every state we do not know */
	FLAG_COUNT
};

char flag_letter(enum flag flag);

/* False when the letter is none of the eight. */
bool flag_from_letter(char letter, enum flag *ret_flag);

/* The graver of two. */
enum flag flag_graver(enum flag a, enum flag b);

#endif
