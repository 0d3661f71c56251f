/* cmd_proof.c - emisctl identity: the public key of this box and the end of its signed chain. */
#include <stdio.h>
#include <string.h>

#include "common/array.h"
#include "daemon/control/reply_table.h"
#include "daemon/daemon.h"
#include "daemon/store/checkpoint.h"

json_t *cmd_identity(struct daemon *d, const json_t *request, char *error, size_t size)
{
	static const struct reply_column columns[] = { { "site", "text" }, { "public_key", "text" },
		{ "links", "integer" }, { "hash", "text" }, { "checkpoint", "time" } };
	json_t *table = reply_table("identity", columns, ARRAY_SIZE(columns));
	char key[PROOF_KEY_TEXT], hash[PROOF_HASH_TEXT];
	int64_t links;
	struct utc at = { INT64_MIN };

	(void)request;
	if (store_checkpoint_last(d->store, &at) < 0) {
		snprintf(error, size, "%s", store_error(d->store));
		json_decref(table);
		return NULL;
	}
	store_chain_end(d->store, &links, hash);
	reply_add_row(table,
		json_pack("[s, s, I, s, o]", d->site->id, store_public_key(d->store, key), (json_int_t)links, hash,
			at.ms == INT64_MIN ? json_null() : reply_moment(d, at)));
	return json_pack("[o]", table);
}
