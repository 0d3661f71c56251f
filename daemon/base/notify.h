/* notify.h - what the service manager is told. Without one, all of it does nothing. */
#ifndef EMIS_DAEMON_BASE_NOTIFY_H
#define EMIS_DAEMON_BASE_NOTIFY_H

#include <stdint.h>

/* Configuration valid, state database open. */
void notify_ready(const char *status);
void notify_stopping(void);
void notify_status(const char *status);

/* Real milliseconds within which notify_alive() must come; 0 when nobody watches. */
int64_t notify_watchdog_ms(void);
void notify_alive(void);

#endif
