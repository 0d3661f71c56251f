/* text.h - fixed-size strings. Pure. */
#ifndef EMIS_COMMON_TEXT_H
#define EMIS_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Copies text into buf of `size` bytes. False, with buf holding the part that fits, when it
 * does not fit. */
bool text_copy(char *buf, size_t size, const char *text);

/* Letters, digits, '-', '_' and '.', 1 to max bytes: what may stand in a topic, a file name
 * and an alarm id. */
bool text_is_name(const char *text, size_t max);

/* Bytes that are UTF-8 from the start: n, or the place of the first byte that is not. Surrogates and overlong forms are
 * not; a NUL is. A NUL has to stand behind the n bytes. */
size_t text_utf8_length(const char *bytes, size_t n);

/* Why bytes that somebody saved as a text file are not what is read here, and what to do, as the end of a sentence, for
 * example "is not UTF-8, perhaps GBK: save it as UTF-8". NULL when they are UTF-8 without NUL. *ret_at is the place of
 * the first byte that is not; it is untouched with NULL. A NUL has to stand behind the n bytes. */
const char *text_encoding_trouble(const char *bytes, size_t n, size_t *ret_at);

/* How many single characters have to be put in, left out, changed or swapped with their neighbour to make one word of
 * the other, upper and lower case being alike; words longer than 63 characters are at least 64 apart. */
size_t text_distance(const char *a, const char *b);

/* The nearest of the words, near enough to be meant: at most a third of its characters differ. NULL without one. Call
 * with *nearest = NULL, then once for each word; the nearest so far is kept. */
void text_keep_nearest(const char *word, const char *candidate, const char **nearest);

/* The end of a sentence: "; did you mean "so2"?" for the nearest word, cut to 100 bytes, or "" for NULL. Returns buf,
 * which has TEXT_HINT_SIZE bytes. */
#define TEXT_HINT_SIZE 128
const char *text_did_you_mean(const char *nearest, char *buf);

#endif
