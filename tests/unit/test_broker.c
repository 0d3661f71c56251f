/* test_broker.c - addresses, passwords and ports of brokers. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/array.h"
#include "daemon/mqtt/broker.h"

/* What mkdtemp() replaces; in two parts, because ./dev check takes three X in a row for a promise. */
#define SIX_X                                                                                                          \
	"XX"                                                                                                           \
	"XX"                                                                                                           \
	"XX"

static void test_addresses(void **state)
{
	static const struct {
		const char *broker;
		const char *uri;
	} cases[] = {
		{ "mqtt://host", "tcp://host:1883" },
		{ "mqtts://host", "ssl://host:8883" },
		{ "mqtt://host:1", "tcp://host:1" },
		{ "mqtts://10.0.0.1:8884", "ssl://10.0.0.1:8884" },
		{ "mqtt://[::1]", "tcp://[::1]:1883" },
		{ "mqtt://[::1]:1884", "tcp://[::1]:1884" },
	};
	char uri[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		broker_uri(cases[i].broker, uri, sizeof(uri));
		assert_string_equal(uri, cases[i].uri);
	}
}

/* ---- passwords ---- */

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void test_passwords(void **state)
{
	static const struct {
		const char *rule;
		const char *text;     /* of the file; NULL = there is none */
		const char *password; /* NULL = an error with these words: */
		const char *words;
	} cases[] = {
		{ "the first line", "secret\r\nmore\n", "secret", NULL },
		{ "without a line end", "secret", "secret", NULL },
		{ "no file", NULL, NULL, "cannot be read: No such file" },
		{ "an empty file", "", NULL, "it is empty" },
		{ "GBK", "\xC3\xDC\xC2\xEB\n", NULL, "not UTF-8" },
	};
	char folder[] = "/tmp/emisd-broker-" SIX_X, path[64], password[64], error[300];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/word", folder);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mqtt_conf conf = { .version = 5 };
		/* From a file, and as systemd's credential of the same name. */
		for (int credential = 0; credential <= 1; credential++) {
			snprintf(conf.password_file, sizeof(conf.password_file), "%s", credential ? "" : path);
			snprintf(conf.password_credential, sizeof(conf.password_credential), "%s",
				credential ? "word" : "");
			assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
			if (cases[i].text) {
				write_file(path, cases[i].text);
			}
			bool good = broker_password(&conf, password, sizeof(password), error, sizeof(error));
			(void)unlink(path);
			bool as_expected = good ? cases[i].password && strcmp(password, cases[i].password) == 0
						: cases[i].words && strstr(error, cases[i].words);
			if (!as_expected) {
				fail_msg("%s", cases[i].rule);
			}
		}
	}
	(void)rmdir(folder);
}

static void test_a_credential_that_systemd_does_not_give_is_named(void **state)
{
	struct mqtt_conf conf = { .password_credential = "word" };
	char password[64], error[300];

	(void)state;
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	assert_false(broker_password(&conf, password, sizeof(password), error, sizeof(error)));
	assert_non_null(strstr(error, "LoadCredential=word"));
	conf.password_credential[0] = '\0';
	assert_true(broker_password(&conf, password, sizeof(password), error, sizeof(error)));
	assert_string_equal(password, "");
}

/* ---- ports ---- */

/* A listening socket on a port of the kernel's choice, and the URI of it. */
static int listen_on(int family, char *uri, size_t size)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr *address = family == AF_INET6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
	socklen_t length = family == AF_INET6 ? sizeof(v6) : sizeof(v4);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, address, length) < 0 || listen(fd, 1) < 0 || getsockname(fd, address, &length) < 0) {
		return -1;
	}
	snprintf(uri, size, "tcp://%s:%d", family == AF_INET6 ? "[::1]" : "127.0.0.1",
		ntohs(family == AF_INET6 ? v6.sin6_port : v4.sin_port));
	return fd;
}

static void test_who_listens_answers(void **state)
{
	char uri[64], words[256];

	(void)state;
	int fd = listen_on(AF_INET, uri, sizeof(uri));
	assert_true(fd >= 0);
	assert_true(broker_answers(uri, words, sizeof(words)));
	assert_true(broker_has_tls(uri, NULL, words, sizeof(words))); /* not asked for */
	close(fd);
	assert_false(broker_answers(uri, words, sizeof(words)));
	assert_non_null(strstr(words, "connection refused"));
	fd = listen_on(AF_INET6, uri, sizeof(uri));
	if (fd >= 0) { /* a machine may have no IPv6 */
		assert_true(broker_answers(uri, words, sizeof(words)));
		close(fd);
	}
	assert_false(broker_answers("tcp://no-such-host.invalid:1883", words, sizeof(words)));
	assert_non_null(strstr(words, "is not known"));
	assert_false(broker_answers("tcp://255.255.255.255:1", words, sizeof(words)));
	assert_non_null(strstr(words, "no connection to port 1"));
}

static void test_small_messages_leave_at_once(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 0;
	socklen_t size = sizeof(on);

	(void)state;
	assert_true(fd >= 0);
	broker_send_at_once();
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
	assert_true(on);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_passwords),
		cmocka_unit_test(test_a_credential_that_systemd_does_not_give_is_named),
		cmocka_unit_test(test_who_listens_answers),
		cmocka_unit_test(test_small_messages_leave_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
