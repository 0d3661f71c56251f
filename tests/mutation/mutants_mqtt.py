"""One-line faults in the way of messages to the bureau (daemon/mqtt); a test has to notice each.

A mutant is (file, text that occurs once in it, what stands in its place, the rule that breaks, the test that fails):
"unit:NAME" is a unit test of meson, everything else a test for pytest.
"""

W = "daemon/mqtt/window.c"
ROWS = "daemon/mqtt/delivery_rows.c"
DELIVERY = "daemon/mqtt/delivery.c"
OPTIONAL = "daemon/mqtt/optional.c"
CONNECTION = "daemon/mqtt/connection.c"
HOLD = "daemon/mqtt/hold.c"
POISON = "daemon/mqtt/poison.c"
RESEND = "daemon/mqtt/resend.c"

MUTANTS = [
    # which rows go next
    (W, "[COMMITTED]     = { WINDOW_NEW,      NOTHING }, /* new before old */",
     "[COMMITTED]     = { WINDOW_OLD,      NOTHING },", "new rows go before those that waited", "unit:window"),
    (W, "[DRAINED]       = { WINDOW_NEW,      START },", "[DRAINED]       = { WINDOW_NEW,      NOTHING },",
     "rows that are pending again are read again", "unit:window"),
    (W, "return w->state == WINDOW_DRAINING && w->n_flights == 0;", "return w->state == WINDOW_DRAINING;",
     "a row in flight is not sent twice", "unit:window"),
    (W, "if (w->state == WINDOW_OLD && w->n_flights * 2 <= size) {", "if (w->state == WINDOW_OLD) {",
     "old rows are read some at a time", "unit:window"),
    (W, "*ret_range = (struct window_range){ w->last_old, w->new_from, size - w->n_flights };",
     "*ret_range = (struct window_range){ w->last_old, INT64_MAX, size - w->n_flights };", "an old row is not a new one",
     "unit:window"),
    (W, "[RECORDED]     = { WINDOW_RECORD_NONE,   EMPTY_LIST_AND_SEND_AGAIN },",
     "[RECORDED]     = { WINDOW_RECORD_NONE,   EMPTY_LIST },", "rows whose acknowledgement was forgotten go again",
     "unit:delivery"),
    (W, "handle_record(w, w->n_unrecorded == WINDOW_MOST ? FAILED_FULL : FAILED);", "handle_record(w, FAILED_FULL);",
     "acknowledgements are kept while the store fails", "unit:delivery"),
    (W, "return w->state == WINDOW_IDLE && w->n_flights == 0 && w->n_passed_over == 0;",
     "return w->state == WINDOW_IDLE && w->n_flights == 0;", "messages that wait are reported until they went",
     "unit:delivery"),
    # rows
    (ROWS, "if (hold_next_try_ms(&d->hold) <= clock_real_mono_ms()) {", "if (false) {",
     "a row that is due goes before newer ones", "unit:delivery"),
    (ROWS, "connection_in_flight(d->connection) < connection_terms(d->connection)->at_once;", "true;",
     "Receive Maximum is kept", "unit:delivery"),
    (ROWS, "if (size > connection_terms(d->connection)->largest) {", "if (false) {", "Maximum Packet Size is kept",
     "unit:delivery"),
    (ROWS, "#define MAX_REFUSALS 4 ", "#define MAX_REFUSALS 400 ", "a poison message is parked", "unit:delivery"),
    (ROWS, "} else if (refusals >= MAX_REFUSALS) {", "} else if (refusals >= 1) {", "one lost connection parks no message",
     "unit:delivery"),
    (ROWS, "#define RECORD_WITHIN_MS 200", "#define RECORD_WITHIN_MS 60000",
     "acknowledgements are recorded within 200 ms", "unit:delivery"),
    (DELIVERY, "window_open(d->window, store_outbox_newest(d->store) + 1);", "window_open(d->window, 1);",
     "new rows go before those that waited for the connection", "unit:delivery"),
    (DELIVERY, "\tdelivery_record(d);\n\twindow_open(", "\twindow_open(",
     "a row that was acknowledged on the last connection is not sent on the next", "unit:delivery"),
    # what may wait
    (OPTIONAL, "return connection_in_flight(o->connection) < at_once - at_once / 4;",
     "return connection_in_flight(o->connection) < at_once;", "states leave room for alarms", "unit:delivery"),
    (OPTIONAL, "#define STATE_WINDOW 8 ", "#define STATE_WINDOW 800 ", "alarms do not queue behind states", "unit:delivery"),
    (OPTIONAL, "return clock_real_mono_ms() < o->pause_until_ms;", "return o->pause_until_ms < 0;", "a broker that refuses gets a pause",
     "unit:delivery"),
    # the connection
    (CONNECTION, "c->broker = c->served ? 0 : (c->broker + 1) % n;", "c->broker = (c->broker + 1) % n;",
     "the first broker is tried first after one that served", "unit:connection"),
    (CONNECTION, "if (c->in_flight > 0 && c->state == UP) {", "if (c->state == UP) {",
     "a connection without messages in flight stays", "unit:connection"),
    (CONNECTION, " && loss->kind != MQTT_LOSS_TAKEN_OVER", "", "a rival parks no message", "unit:connection"),
    (CONNECTION, "if (peer_of(c)->heard && !c->rival", "if (!c->rival", "our own last run is not a rival", "unit:connection"),
    (CONNECTION, "if (ended == FINISHING) {", "if (false) {", "no connection is made at the end", "unit:connection"),
    # refusals
    (HOLD, "#define TRIES_FOR_ALL 8 ", "#define TRIES_FOR_ALL 8000 ", "one message does not hold all for ever", "unit:hold"),
    (HOLD, "longer < LAST_MS ? longer : LAST_MS;", "longer;", "an alarm is tried each minute", "unit:hold"),
    (HOLD, "case PAYLOAD_FORMAT_INVALID:", "case 0x97:", "a quota parks no message", "unit:hold"),
    (HOLD, "if (held->trying != 0 || now_ms < held->until_ms) {", "if (now_ms < held->until_ms) {",
     "one message at a time is tried", "unit:hold"),
    # poison messages
    (POISON, "unsigned found = p->careful && p->proven && in_flight == 1 ?", "unsigned found = p->careful && in_flight == 1 ?",
     "a bad link parks no message", "unit:poison"),
    (POISON, "return p->proven ? 1 : 0;", "return 1;", "no row goes before a harmless message was answered", "unit:poison"),
    (POISON, "p->unanswered = 0;\n", "\n", "an acknowledgement starts the count again", "unit:poison"),
    # requests to send again
    (RESEND, " && wanted[n] == '/'", "", "replies go nowhere but below resend/reply", "unit:resend"),
    (RESEND, "order->to - order->from >= RESEND_MOST", "order->to - order->from > RESEND_MOST", "at most 1000 numbers",
     "unit:resend"),
    (RESEND, "resend->tokens = resend->tokens > BURST ? BURST : resend->tokens;", ";", "five requests at once, not more",
     "unit:resend"),
]
