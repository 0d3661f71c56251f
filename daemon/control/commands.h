/* commands.h - all that can be asked over the control socket. */
#ifndef EMIS_DAEMON_CONTROL_COMMANDS_H
#define EMIS_DAEMON_CONTROL_COMMANDS_H

#include "daemon/control/control_socket.h"

extern const struct command commands[];

#endif
