"""One-line faults in links, the configuration, the clock, the control socket, and the code that connects the rooms.

Each entry: file, line, the line that replaces it, the rule that is broken, the test that has to notice the fault.
"""

ACQUISITION = "tests/scenario/test_acquisition.py::"
BAD_INPUT = "tests/scenario/test_bad_input.py::"
HABITS = "tests/scenario/test_habits.py::"
OPERATORS = "tests/scenario/test_operators.py::"

MUTANTS = [
    # links
    ("daemon/modbus/bus_pdu.c", "pdu[2] != expected || size != 3 + expected", "size < 3 + expected",
     "an answer has the length that was asked for", BAD_INPUT + "test_a_frame_that_is_not_the_answer_is_no_value"),
    ("daemon/modbus/bus_pdu.c", "if (size < 3 || pdu[0] != unit) {", "if (size < 3) {",
     "an answer bears the unit id that was asked", BAD_INPUT + "test_a_frame_that_is_not_the_answer_is_no_value"),
    ("daemon/modbus/bus.c", "		require_silence(bus, asked_ns + timing->timeout_ms * 1000000);", "		;",
     "after a time-out a line is left alone until the late answer has come",
     HABITS + "test_an_answer_behind_an_exception_is_nobodys"),
    ("daemon/modbus/bus.c", "if (bus->silent_until_ns < until_ns) {", "if (bus->silent_until_ns > until_ns) {",
     "the longest silence owed counts", HABITS + "test_an_answer_behind_an_exception_is_nobodys"),
    ("daemon/modbus/bus_tcp.c", "bool mine = id == bus->transaction || !link_has_ids(bus->conf);", "bool mine = true;",
     "an answer bears the id of its question",
     HABITS + "test_an_answer_behind_an_exception_is_nobodys"),
    ("daemon/modbus/blocks.c", "block->again_ms = now_ms + backoff_next(&block->again);", "block->again_ms = now_ms;",
     "a refused block is asked again ever less often", "unit:reading"),
    ("daemon/modbus/blocks.c", "(answer->exception == 2 || answer->exception == 3)", "answer->exception == 2",
     "an illegal value is a refusal, too", "unit:reading"),
    ("daemon/modbus/link.c", "poller->slowed = silent || (worst->result != ANSWER_OK && !link_has_ids(link->conf));",
     "poller->slowed = false;", "a dead neighbour is asked ever less often",
     ACQUISITION + "test_a_dead_neighbour_costs_a_bus_nothing_but_its_time_outs"),
    ("daemon/modbus/link.c", "bool asked = !link_is_silence(worst->result) && may_ask(link, &blocks->list[*index]);",
     "bool asked = may_ask(link, &blocks->list[*index]);", "after a silence the rest of a poll is not asked",
     ACQUISITION + "test_after_a_silence_the_rest_of_a_poll_is_not_asked"),
    # the clock
    ("daemon/base/clock_watch.c", "if (now.ms < EARLIEST) {", "if (now.ms < 0) {",
     "a clock of 1970 is not believed", "unit:clock"),
    ("daemon/base/clock_watch.c", "mono.ms - w->since.ms >= w->wait_ms", "mono.ms - w->since.ms >= 0",
     "an unsynchronised clock has to stand still for the wait", "unit:clock"),
    ("daemon/base/clock_watch.c", "step_ms <= -STEP_MS || step_ms >= STEP_MS", "step_ms >= STEP_MS",
     "a step back is a step", "unit:clock"),
    ("daemon/base/clock_watch.c", "		w->stale_stamp = w->stamp;", "		;",
     "after a jump the synchroniser has to speak again", "unit:clock"),
    ("daemon/base/mailbox.c", "box->wake_pending |= box->n == 0;", "box->wake_pending |= box->n == 1;",
     "the first message of an empty mailbox wakes the loop", "unit:reading"),
    # the configuration
    ("daemon/conf/conf.c", "if (!isfinite(value) || value < range.min || value > range.max) {", "if (!isfinite(value)) {",
     "a number outside its range is refused", BAD_INPUT + "test_a_fault_is_told_with_its_line"),
    ("daemon/conf/conf_point.c", "require_points(node, outlet, key, \"is measured wet\", dry);", "(void)dry;",
     "a wet value needs the humidity", BAD_INPUT + "test_a_fault_is_told_with_its_line"),
    ("daemon/conf/conf_point.c", "if (outlet_point(outlet, key) >= 0) {", "if (outlet_point(outlet, key) > 99) {",
     "a factor is a point once", BAD_INPUT + "test_a_fault_is_told_with_its_line"),
    # the control socket
    ("daemon/control/control_socket.c", "	if (!command->admin) {", "	if (command->admin) {",
     "only admins change things", OPERATORS + "test_only_admins_change_things"),
    ("daemon/control/cmd_alarms.c", "	if (takes_effect) {\n", "	if (takes_effect && !takes_effect) {\n",
     "a stored mark acts", OPERATORS + "test_a_mark_takes_validity_and_leaves_values"),
    ("daemon/control/cmd_alarms.c", "mark->applies.ms = mark->from.ms > now.ms ? mark->from.ms : now.ms;",
     "mark->applies.ms = mark->from.ms;", "a mark changes nothing that was judged",
     OPERATORS + "test_a_mark_of_the_past_changes_nothing_closed"),
]
