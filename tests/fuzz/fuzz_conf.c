/* fuzz_conf.c - any text as emisd.conf gives complaints, never a crash. An accepted file can be printed, and the
 * printed text is accepted again. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/conf/site.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_errors errors = { 0 }, warnings = { 0 };
	char path[64];
	int fd = memfd_create("conf", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
		abort();
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct site *site = site_load(path, FUZZ_SHARE, &errors, &warnings);
	if (!site && errors.n == 0) {
		abort(); /* refused without a complaint */
	}
	if (site) {
		FILE *out = fopen("/dev/null", "we");
		site_print(site, out);
		fclose(out);
	}
	site_free(site);
	conf_errors_finish(&errors);
	conf_errors_finish(&warnings);
	close(fd);
	return 0;
}
