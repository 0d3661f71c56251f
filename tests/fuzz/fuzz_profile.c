/* fuzz_profile.c - any text as an instrument profile gives complaints, never a crash. An accepted profile has a plan
 * that keeps the profile's bounds and covers every field. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/plan.h"
#include "daemon/conf/conf_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *folder(void)
{
	static char path[64];
	char inside[80];

	if (path[0] == '\0') {
		snprintf(path, sizeof(path), "build-fuzz/profile-%ld", (long)getpid());
		snprintf(inside, sizeof(inside), "%s/profiles.d", path);
		if (mkdir(path, 0700) < 0 || mkdir(inside, 0700) < 0) {
			abort();
		}
	}
	return path;
}

static void check_plan(const struct profile *p)
{
	const struct reg_field *fields[PROFILE_FIELDS];
	size_t n = profile_fields(p, fields);

	for (size_t i = 0; i < p->n_requests; i++) {
		const struct request *r = &p->requests[i];
		if (r->count < 1 || r->count > REQUEST_REGISTERS || r->address + r->count > 65536) {
			abort();
		}
	}
	for (size_t i = 0; i < n; i++) {
		if (!plan_request_of(p, fields[i])) {
			abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[128];
	struct conf_errors errors = { 0 };
	struct site *site = calloc(1, sizeof(*site));
	struct conf_load load = { .site = site, .directory = folder(), .catalogue = folder(), .errors = &errors };

	snprintf(path, sizeof(path), "%s/profiles.d/x.conf", folder());
	FILE *file = fopen(path, "we");
	if (!site || !file || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
		abort();
	}
	const struct profile *profile = conf_load_profile(&load, "x", "");
	if (profile && errors.n == 0) {
		check_plan(profile);
	}
	site_free(site);
	conf_errors_finish(&errors);
	return 0;
}
