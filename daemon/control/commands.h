/* commands.h - the commands of the control socket, for control_socket_create(). */
#ifndef EMIS_DAEMON_CONTROL_COMMANDS_H
#define EMIS_DAEMON_CONTROL_COMMANDS_H

#include "daemon/control/control_socket.h"

/* Ends with a row whose name is NULL. */
extern const struct command commands[];

#endif
