/* ctl_cmds.h - all that can be asked over the control socket. */
#ifndef EMIS_DAEMON_CTL_CMDS_H
#define EMIS_DAEMON_CTL_CMDS_H

#include "daemon/ctl.h"

extern const struct ctl_command ctl_commands[];

#endif
