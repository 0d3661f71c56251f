/* test_gateway.c - the alarms of the box itself, as an earlier run left them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "daemon/gateway.h"
#include "tests/unit/store_rig.h"

/* Another program drops the table while the store is open. */
static void test_alarms_that_cannot_be_read_are_the_reason(void **state)
{
	struct store_rig rig;
	char path[128];
	sqlite3 *other;

	(void)state;
	store_rig_set_up(&rig);
	store_rig_open(&rig);
	const struct message_context context = { &rig.site, &rig.clock };
	struct gateway *gateway = gateway_create(&context, rig.store);
	assert_non_null(gateway);
	assert_int_equal(gateway_restore(gateway), 0);
	gateway_destroy(gateway);
	store_close(rig.store);
	rig.store = NULL;
	store_rig_open(&rig);
	snprintf(path, sizeof(path), "%s/state.db", rig.folder);
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "DROP TABLE alarm", NULL, NULL, NULL), SQLITE_OK);
	gateway = gateway_create(&context, rig.store);
	assert_non_null(gateway);
	assert_true(gateway_restore(gateway) < 0);
	assert_non_null(strstr(store_error(rig.store), "no such table: alarm"));
	gateway_destroy(gateway);
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
	store_rig_tear_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alarms_that_cannot_be_read_are_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
