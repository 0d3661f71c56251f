/* array.h - the number of elements of an array. */
#ifndef EMIS_COMMON_ARRAY_H
#define EMIS_COMMON_ARRAY_H

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
