/* notify.h - messages to the service manager (systemd). Without a service manager these functions do nothing. */
#ifndef EMIS_DAEMON_BASE_NOTIFY_H
#define EMIS_DAEMON_BASE_NOTIFY_H

#include <stdint.h>

/* Call when the daemon is ready: the configuration is valid and the state database is open. */
void notify_ready(const char *status);
void notify_stopping(void);
void notify_status(const char *status);

/* notify_alive() must be called at least once in this time (real milliseconds); 0 when no watchdog is set. */
int64_t notify_watchdog_ms(void);
void notify_alive(void);

#endif
