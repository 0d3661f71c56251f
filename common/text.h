/* text.h - strings of fixed size, the encoding of texts, and suggestions for misspelt words. Pure. */
#ifndef EMIS_COMMON_TEXT_H
#define EMIS_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Copies text into buf of `size` bytes. False when it does not fit; buf then holds the part that fits. */
bool text_copy(char *buf, size_t size, const char *text);

/* True when text is 1 to max letters, digits, '-', '_' and '.': such a text is safe in a topic, a file name and an
 * alarm id. */
bool text_is_name(const char *text, size_t max);

/* The number of bytes from the start that are valid UTF-8: n, or the index of the first byte that is not. Surrogates
 * and overlong forms are not valid; a NUL is. The caller puts a NUL behind the n bytes. */
size_t text_utf8_length(const char *bytes, size_t n);

/* Says why the n bytes of a file are not the UTF-8 text that emisd reads, and what to do, as the end of a sentence:
 * for example "is not UTF-8, perhaps GBK: save it as UTF-8". *ret_at is then the index of the first wrong byte. NULL
 * when the bytes are UTF-8 without NUL; *ret_at is then untouched. The caller puts a NUL behind the n bytes. */
const char *text_encoding_trouble(const char *bytes, size_t n, size_t *ret_at);

/* The number of single characters to insert, leave out, change or swap with their neighbour to turn one word into
 * the other. Upper and lower case are equal. A word longer than 63 bytes is 64 apart from any other. */
size_t text_distance(const char *a, const char *b);

/* Keeps in *nearest the candidate that is nearest to `word`, if at most a third of its characters differ. Start with
 * *nearest = NULL and call once for each candidate. *nearest is borrowed from the caller. */
void text_keep_nearest(const char *word, const char *candidate, const char **nearest);

/* Writes the end of a sentence: "; did you mean "so2"?" for the nearest word, cut to 100 bytes, or "" for NULL.
 * Returns buf, which has TEXT_HINT_SIZE bytes. */
#define TEXT_HINT_SIZE 128
const char *text_did_you_mean(const char *nearest, char *buf);

#endif
