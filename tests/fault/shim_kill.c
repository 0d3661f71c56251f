/* shim_kill.c - kills the program (SIGKILL) at a named step of one message, the first message that holds KILL_WORD.
 *
 * KILL_AT is
 *   commit        the message's row is in the transaction, COMMIT was not called yet
 *   committed     COMMIT has returned, the message was not given to the MQTT library yet
 *   sent          MQTTAsync_sendMessage() has returned; it is not known whether the broker has the message
 *   acknowledged  the broker has the message, and its row is about to be set to done
 *   recorded      the row with the state done is committed */
#include <MQTTAsync.h>
#include <dlfcn.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	sqlite3_int64 row; /* of the message in the outbox; 0 = not written yet */
	bool committed;
	bool recorded; /* the row was set to done, in a transaction that may not have ended */
} message;

static void die_at(const char *step)
{
	const char *wanted = getenv("KILL_AT");

	if (wanted && strcmp(wanted, step) == 0) {
		(void)kill(getpid(), SIGKILL);
	}
}

static bool has_word(const char *text, size_t size)
{
	const char *word = getenv("KILL_WORD");

	return word && text && memmem(text, size, word, strlen(word));
}

/* True when the statement begins with `start` and, with its values filled in, contains `word`. */
static bool reads(sqlite3_stmt *statement, const char *start, const char *word)
{
	const char *sql = sqlite3_sql(statement);
	bool found = false;

	if (sql && strncmp(sql, start, strlen(start)) == 0) {
		char *expanded = sqlite3_expanded_sql(statement);
		found = expanded && strstr(expanded, word);
		sqlite3_free(expanded);
	}
	return found;
}

int sqlite3_step(sqlite3_stmt *statement)
{
	static int (*real)(sqlite3_stmt *);
	const char *word = getenv("KILL_WORD");
	char id[64];

	if (!real) {
		*(void **)&real = dlsym(RTLD_NEXT, "sqlite3_step");
	}
	if (message.row == 0 && word && reads(statement, "INSERT INTO outbox", word)) {
		int r = real(statement);
		message.row = sqlite3_last_insert_rowid(sqlite3_db_handle(statement));
		return r;
	}
	snprintf(id, sizeof(id), "WHERE id=%lld ", message.row);
	if (message.row == 0 || !reads(statement, "UPDATE outbox SET state=1", id)) {
		return real(statement);
	}
	die_at("acknowledged");
	int r = real(statement);
	message.recorded = true;
	if (sqlite3_get_autocommit(sqlite3_db_handle(statement))) {
		die_at("recorded");
	}
	return r;
}

int sqlite3_exec(
	sqlite3 *db, const char *sql, int (*callback)(void *, int, char **, char **), void *context, char **error)
{
	static int (*real)(sqlite3 *, const char *, int (*)(void *, int, char **, char **), void *, char **);
	bool commit = strcmp(sql, "COMMIT") == 0;
	bool ours = commit && message.row != 0 && !message.committed;
	bool record = commit && message.recorded;

	if (!real) {
		*(void **)&real = dlsym(RTLD_NEXT, "sqlite3_exec");
	}
	if (ours) {
		die_at("commit");
	}
	int r = real(db, sql, callback, context, error);
	if (ours && r == SQLITE_OK) {
		message.committed = true;
		die_at("committed");
	}
	if (record && r == SQLITE_OK) {
		die_at("recorded");
	}
	return r;
}

int MQTTAsync_sendMessage(
	MQTTAsync handle, const char *topic, const MQTTAsync_message *msg, MQTTAsync_responseOptions *response)
{
	static int (*real)(MQTTAsync, const char *, const MQTTAsync_message *, MQTTAsync_responseOptions *);

	if (!real) {
		*(void **)&real = dlsym(RTLD_NEXT, "MQTTAsync_sendMessage");
	}
	int r = real(handle, topic, msg, response);
	if (message.committed && has_word(msg->payload, (size_t)msg->payloadlen)) {
		die_at("sent");
	}
	return r;
}
