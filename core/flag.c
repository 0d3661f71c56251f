#include "core/flag.h"

static const char letters[FLAG_COUNT] = {
	[FLAG_NORMAL] = 'N',
	[FLAG_MANUAL] = 'S',
	[FLAG_OVER_RANGE] = 'T',
	[FLAG_CALIBRATION] = 'C',
	[FLAG_MAINTENANCE] = 'M',
	[FLAG_STOPPED] = 'F',
	[FLAG_NO_COMM] = 'B',
	[FLAG_FAULT] = 'D',
};

char flag_letter(enum flag flag)
{
	return letters[flag];
}

bool flag_from_letter(char letter, enum flag *ret_flag)
{
	for (int i = 0; i < FLAG_COUNT; i++) {
		if (letters[i] == letter) {
			*ret_flag = (enum flag)i;
			return true;
		}
	}
	return false;
}

enum flag flag_worse(enum flag a, enum flag b)
{
	return a > b ? a : b;
}
