/* shim_slow_dns.c - a slow name server: getaddrinfo() of a name (not of an address) takes SLOW_DNS_MS milliseconds
 * longer. */
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
	const char *delay = getenv("SLOW_DNS_MS");
	lookup *real;

	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (delay && node && node[strspn(node, "0123456789.:")]) {
		long ms = strtol(delay, NULL, 10);
		struct timespec wait = { ms / 1000, ms % 1000 * 1000000 };
		(void)nanosleep(&wait, NULL); /* only a signal can shorten the wait */
	}
	return real(node, service, hints, result);
}
