#include "daemon/conf/conf_syntax.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/array.h"

#define DEEPEST 64
#define SHOWN 40 /* bytes of what was found */

enum kind {
	KIND_END,
	KIND_NAME,
	KIND_STRING,
	KIND_NUMBER,
	KIND_BOOL,
	KIND_SIGN,    /* one of = : ; , { } [ ] ( ) */
	KIND_STRANGE, /* no token of the language */
};

struct token {
	enum kind kind;
	const char *at;
	size_t length;
	int line;
};

/* A bracket that was opened and is not closed yet. */
struct open {
	char sign; /* { [ ( */
	int line;
};

struct reader {
	const char *p;
	int line;
	int long_string; /* the line of the last string that goes over a line end; 0 without */
	struct token token;
	struct token before;
	struct open open[DEEPEST];
	size_t depth;
	char *sentence;
	size_t size;
};

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ*";
static const char name_signs[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ*0123456789_-";

/* ---- tokens ---- */

static void skip_blanks(struct reader *r)
{
	for (;;) {
		if (*r->p == '\n') {
			r->line++;
			r->p++;
		} else if (*r->p == ' ' || *r->p == '\t' || *r->p == '\r' || *r->p == '\f') {
			r->p++;
		} else if (*r->p == '#' || strncmp(r->p, "//", 2) == 0) {
			r->p += strcspn(r->p, "\n");
		} else if (strncmp(r->p, "/*", 2) == 0) {
			const char *end = strstr(r->p + 2, "*/");
			for (; *r->p && r->p != end; r->p++) {
				r->line += *r->p == '\n';
			}
			r->p += end ? 2 : 0;
		} else {
			return;
		}
	}
}

/* Returns the place behind the closing quote, or the end of the text; counts the lines. */
static const char *end_of_string(struct reader *r)
{
	const char *p = r->p + 1;
	int line = r->line;

	for (; *p && *p != '"'; p++) {
		r->line += *p == '\n';
		p += *p == '\\' && p[1];
	}
	if (r->line != line || *p == '\0') {
		r->long_string = line;
	}
	return p + (*p == '"');
}

static size_t number_length(const char *p)
{
	size_t sign = strspn(p, "+-") ? 1 : 0;

	if (p[sign] == '0' && (p[sign + 1] == 'x' || p[sign + 1] == 'X')) {
		size_t n = sign + 2 + strspn(p + sign + 2, "0123456789abcdefABCDEF");
		return n + strspn(p + n, "L");
	}
	size_t n = sign + strspn(p + sign, "0123456789.");
	if ((p[n] == 'e' || p[n] == 'E') && strspn(p + n + 1, "+-0123456789") > 0) {
		n += 1 + strspn(p + n + 1, "+-0123456789");
	}
	return n + strspn(p + n, "L");
}

static void next_token(struct reader *r)
{
	r->before = r->token;
	skip_blanks(r);
	struct token t = { .at = r->p, .line = r->line };
	if (*r->p == '\0') {
		t.kind = KIND_END;
	} else if (*r->p == '"') {
		t.length = (size_t)(end_of_string(r) - r->p);
		bool closed = t.length > 1 && r->p[t.length - 1] == '"';
		t.kind = closed ? KIND_STRING : KIND_STRANGE;
	} else if (strchr(letters, *r->p)) {
		t.length = strspn(r->p, name_signs);
		bool word = (t.length == 4 && strncasecmp(t.at, "true", 4) == 0) ||
			(t.length == 5 && strncasecmp(t.at, "false", 5) == 0);
		t.kind = word ? KIND_BOOL : KIND_NAME;
	} else if (strchr("+-.0123456789", *r->p)) {
		t.kind = KIND_NUMBER;
		t.length = number_length(r->p);
	} else if (strchr("=:;,{}[]()", *r->p)) {
		t.kind = KIND_SIGN;
		t.length = 1;
	} else {
		t.kind = KIND_STRANGE;
		t.length = 1 +
			strspn(r->p + 1,
				"\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8A\x8B\x8C\x8D\x8E\x8F"
				"\x90\x91\x92\x93\x94\x95\x96\x97\x98\x99\x9A\x9B\x9C\x9D\x9E\x9F"
				"\xA0\xA1\xA2\xA3\xA4\xA5\xA6\xA7\xA8\xA9\xAA\xAB\xAC\xAD\xAE\xAF"
				"\xB0\xB1\xB2\xB3\xB4\xB5\xB6\xB7\xB8\xB9\xBA\xBB\xBC\xBD\xBE\xBF");
	}
	r->p += t.length;
	r->token = t;
}

/* ---- sentences ---- */

/* Signs that a Chinese keyboard types instead of those of the language. */
static const struct {
	const char *sign;
	const char *name;
	const char *meant;
} fullwidth[] = {
	{ "；", "a fullwidth semicolon", ";" },
	{ "，", "a fullwidth comma", "," },
	{ "、", "an ideographic comma", "," },
	{ "：", "a fullwidth colon", ":" },
	{ "＝", "a fullwidth equals sign", "=" },
	{ "（", "a fullwidth parenthesis", "(" },
	{ "）", "a fullwidth parenthesis", ")" },
	{ "｛", "a fullwidth brace", "{" },
	{ "｝", "a fullwidth brace", "}" },
	{ "［", "a fullwidth bracket", "[" },
	{ "］", "a fullwidth bracket", "]" },
	{ "【", "a fullwidth bracket", "[" },
	{ "】", "a fullwidth bracket", "]" },
	{ "“", "a typographic quote", "\"" },
	{ "”", "a typographic quote", "\"" },
	{ "‘", "a typographic quote", "\"" },
	{ "’", "a typographic quote", "\"" },
	{ "＂", "a fullwidth quote", "\"" },
	{ "　", "a fullwidth blank", " " },
	{ "\xC2\xA0", "a blank that does not break", " " },
	{ "。", "a Chinese full stop", ";" },
	{ "'", "a single quote", "\"" },
};

/* The sign that was meant by a sign of the table at the start of the token, and its name. NULL when there is none. */
static const char *find_meant_sign(const struct token *t, const char **ret_name)
{
	for (size_t i = 0; t->kind == KIND_STRANGE && i < ARRAY_SIZE(fullwidth); i++) {
		if (strncmp(t->at, fullwidth[i].sign, strlen(fullwidth[i].sign)) == 0) {
			*ret_name = fullwidth[i].name;
			return fullwidth[i].meant;
		}
	}
	return NULL;
}

/* The ASCII character that was meant by a fullwidth one: U+FF01 to U+FF5E, which is EF BC 81 to EF BD 9E. '\0' for any
 * other token. */
static char ascii_of_fullwidth(const struct token *t)
{
	const unsigned char *c = (const unsigned char *)t->at;
	bool wide = t->kind == KIND_STRANGE && t->length == 3 && c[0] == 0xEF && (c[1] == 0xBC || c[1] == 0xBD);
	int code = wide ? (c[1] & 3) << 6 | (c[2] & 0x3F) : 0; /* U+FF00 + code */

	return code >= 1 && code <= 0x5E ? (char)(code + ' ') : '\0';
}

/* Writes what was found to `buf`, and what should have been typed to `meant`: "" when that is not known. */
static void describe(const struct token *t, char *buf, size_t size, char *meant)
{
	const char *name = "a fullwidth character", *sign = find_meant_sign(t, &name);
	int n = t->length < SHOWN ? (int)t->length : SHOWN, cut = (int)strcspn(t->at, "\r\n");
	char letter = ascii_of_fullwidth(t);

	meant[0] = sign ? sign[0] : letter;
	meant[1] = '\0';
	if (t->kind == KIND_END) {
		snprintf(buf, size, "the end of the file");
	} else if (meant[0]) {
		snprintf(buf, size, "%.*s (%s)", n, t->at, name);
	} else {
		snprintf(buf, size, "%.*s", cut < n ? cut : n, t->at);
	}
}

/* Writes the sentence about a mistake. Always returns true: a mistake was found. */
static bool write_sentence(const struct reader *r, const char *expected, const char *advice)
{
	char found[80], meant[2];
	size_t n;

	describe(&r->token, found, sizeof(found), meant);
	n = (size_t)snprintf(r->sentence, r->size, "found %s, expected %s", found, expected);
	if (meant[0] && n < r->size) {
		snprintf(r->sentence + n, r->size - n, "; type %s in its place, with the keyboard set to English",
			strcmp(meant, " ") == 0 ? "a plain blank" : meant);
	} else if (advice[0] && n < r->size) {
		snprintf(r->sentence + n, r->size - n, "; %s", advice);
	} else if (r->long_string && n < r->size) {
		snprintf(r->sentence + n, r->size - n,
			"; the string that begins in line %d goes over a line end, perhaps its closing quote is "
			"missing",
			r->long_string);
	}
	return true;
}

/* ---- the grammar ---- */

static bool is_sign(const struct reader *r, char sign)
{
	return r->token.kind == KIND_SIGN && *r->token.at == sign;
}

/* True when the token follows a number without a blank between them: 2s, 192.168.1.1x. */
static bool touches_number(const struct reader *r)
{
	return r->before.kind == KIND_NUMBER && r->before.at + r->before.length == r->token.at;
}

static char closing_sign(char sign)
{
	return sign == '{' ? '}' : sign == '[' ? ']' : ')';
}

static bool explain_value(const struct reader *r)
{
	char advice[120];
	static const char expected[] = "a value: a number, a text in quotes, true, false, {, [ or (";

	if (r->token.kind == KIND_NAME) {
		snprintf(advice, sizeof(advice), "a text needs quotes: \"%.*s\"",
			(int)(r->token.length < SHOWN ? r->token.length : SHOWN), r->token.at);
		return write_sentence(r, expected, advice);
	}
	if (r->depth > 0 && r->token.kind == KIND_SIGN && *r->before.at == ',' &&
		*r->token.at == closing_sign(r->open[r->depth - 1].sign)) {
		return write_sentence(r, "one more element behind the comma", "take the last comma away");
	}
	return write_sentence(r, expected, "");
}

/* Explains a number with text directly behind it: the whole value needs quotes. */
static bool explain_missing_quotes(const struct reader *r)
{
	char expected[160];
	int n = (int)(r->before.length < SHOWN ? r->before.length : SHOWN);
	int m = (int)(r->token.length < SHOWN ? r->token.length : SHOWN);

	snprintf(expected, sizeof(expected),
		"a ; behind the number %.*s; a duration, a size or an address needs quotes: \"%.*s%.*s\"", n,
		r->before.at, n, r->before.at, m, r->token.at);
	return write_sentence(r, expected, "");
}

/* Explains what is missing behind an element of a list or a member of a group. */
static bool explain_missing_separator(const struct reader *r)
{
	char expected[64], advice[120] = "";

	if (touches_number(r) && r->token.kind != KIND_END) {
		return explain_missing_quotes(r);
	}
	if (r->depth == 0) {
		return write_sentence(r, "; or the name of a setting", "");
	}
	const struct open *open = &r->open[r->depth - 1];
	bool element = r->token.kind == KIND_STRING || r->token.kind == KIND_NUMBER || r->token.kind == KIND_BOOL ||
		(r->token.kind == KIND_SIGN && strchr("{[(", *r->token.at));
	if (open->sign == '{') {
		snprintf(expected, sizeof(expected), "; or the name of a setting or }");
	} else {
		snprintf(expected, sizeof(expected), "a comma or %c", closing_sign(open->sign));
	}
	if (element && open->sign != '{') {
		snprintf(advice, sizeof(advice), "put a comma between two elements");
	} else if (!r->long_string) {
		snprintf(advice, sizeof(advice), "the %c of line %d is not closed", open->sign, open->line);
	}
	return write_sentence(r, expected, advice);
}

/* Reads an opening bracket or a whole scalar. False when there is no mistake; true with a sentence about it. */
static bool read_value(struct reader *r, bool *ret_opened)
{
	*ret_opened = false;
	if (r->token.kind == KIND_SIGN && strchr("{[(", *r->token.at)) {
		if (r->depth == DEEPEST) {
			return write_sentence(r, "no deeper nesting", "");
		}
		r->open[r->depth++] = (struct open){ *r->token.at, r->token.line };
		*ret_opened = true;
		next_token(r);
		return false;
	}
	bool scalar = r->token.kind == KIND_STRING || r->token.kind == KIND_NUMBER || r->token.kind == KIND_BOOL;
	if (!scalar) {
		return explain_value(r);
	}
	bool text = r->token.kind == KIND_STRING;
	next_token(r);
	while (text && r->token.kind == KIND_STRING) {
		next_token(r); /* several texts in a row are one value */
	}
	return false;
}

/* Reads NAME = VALUE, or NAME = and an opening bracket. Returns as read_value(). */
static bool read_setting(struct reader *r, bool *ret_opened)
{
	*ret_opened = false;
	if (r->token.kind != KIND_NAME) {
		return explain_missing_separator(r);
	}
	next_token(r);
	if (!is_sign(r, '=') && !is_sign(r, ':')) {
		return write_sentence(r, "= behind the name of a setting", "");
	}
	next_token(r);
	return read_value(r, ret_opened);
}

/* Reads the separators and closing brackets behind a value. Returns as read_value(). *ret_more: one more element or
 * setting must follow or may follow. */
static bool read_separators(struct reader *r, bool *ret_more)
{
	while (r->depth > 0) {
		char sign = r->open[r->depth - 1].sign;
		bool comma = is_sign(r, ',');
		if (sign == '{' ? comma || is_sign(r, ';') : comma) {
			next_token(r);
			*ret_more = sign != '{' || !is_sign(r, '}');
			if (*ret_more) {
				return false;
			}
		}
		if (!is_sign(r, closing_sign(sign))) {
			*ret_more = sign == '{' && r->token.kind == KIND_NAME && !touches_number(r);
			return !*ret_more && explain_missing_separator(r);
		}
		r->depth--;
		next_token(r);
	}
	if (is_sign(r, ';') || is_sign(r, ',')) {
		next_token(r);
	}
	*ret_more = r->token.kind != KIND_END;
	return *ret_more && (r->token.kind != KIND_NAME || touches_number(r)) && explain_missing_separator(r);
}

bool conf_syntax_explain(const char *text, int *ret_line, char *sentence, size_t size)
{
	struct reader r = { .p = text, .line = 1, .sentence = sentence, .size = size };
	bool more = true, opened, wrong = false;

	next_token(&r);
	more = r.token.kind != KIND_END;
	while (more && !wrong) {
		bool in_group = r.depth == 0 || r.open[r.depth - 1].sign == '{';
		wrong = in_group ? read_setting(&r, &opened) : read_value(&r, &opened);
		if (wrong) {
			break;
		}
		bool empty = opened && is_sign(&r, closing_sign(r.open[r.depth - 1].sign));
		if (!opened || empty) {
			wrong = read_separators(&r, &more);
		}
	}
	*ret_line = r.token.line;
	return wrong;
}
