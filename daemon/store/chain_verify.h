/* chain_verify.h - compares the store with its chain and its signed checkpoints, beside a running emisd or on a copy of
 * the directory. Only reads. */
#ifndef EMIS_DAEMON_STORE_CHAIN_VERIFY_H
#define EMIS_DAEMON_STORE_CHAIN_VERIFY_H

#include "daemon/store/proof.h"
#include "daemon/store/store.h"

/* A kind of finding. The comments say what its `number` and `text` are. */
enum chain_fault {
	/* Of the link `number`: */
	CHAIN_FILE_MISSING,   /* its file, text, is gone, and the audit log has no row about that */
	CHAIN_ROW_UNREADABLE, /* text: a sentence */
	CHAIN_ROW_MISSING,    /* text: the kind of row */
	CHAIN_ROW_CHANGED,    /* text: the kind of row */
	CHAIN_LINK_BROKEN,    /* its hash does not follow from the link before */
	CHAIN_LINK_REPLACED,  /* its hash is not query->against_hash */
	CHAIN_LINK_DAMAGED,   /* its columns make no sense */
	CHAIN_LINK_MISSING,   /* text: the last link that is missing */
	/* Of the whole chain: */
	CHAIN_UNREADABLE,    /* beyond link `number`; text: why */
	CHAIN_TOO_SHORT,     /* it ends with link `number`, before query->against */
	CHAIN_ROWS_UNLINKED, /* number: how many; text: of what */
	CHAIN_QUERY_FAILED,  /* text: a sentence */
	/* Of the checkpoint `number`: */
	CHECKPOINT_MISSING,
	CHECKPOINT_UNSIGNED,     /* text: the key that should have signed */
	CHECKPOINT_KEY_UNKNOWN,  /* text: the key, which the audit log does not name */
	CHECKPOINT_DAMAGED,      /* it names no link and hash */
	CHECKPOINT_LINK_MISSING, /* text: the link that it names */
	CHECKPOINT_LINK_CHANGED, /* text: the link that it names with another hash */
	CHECKPOINTS_UNREADABLE,  /* text: why */
	/* Not a fault: */
	CHECKPOINT_OTHER_KEY, /* text: the key that signs from this checkpoint on */
	CHAIN_FAULT_COUNT
};

struct chain_finding {
	enum chain_fault fault;
	int64_t number;
	const char *text; /* "" without one */
};

struct chain_query {
	const char *directory;
	struct utc from; /* rows that were linked from..to are compared; the chain is always checked as a whole */
	struct utc to;   /* inclusive */
	char key[PROOF_KEY_TEXT]; /* that must have signed; empty = any that the audit log names */
	int64_t against;          /* a link whose hash was kept elsewhere; 0 = none */
	char against_hash[PROOF_HASH_TEXT];
	char error[STORE_ERROR_SIZE]; /* why state.db cannot be read; empty when it is not there or may not be read */
};

struct chain_result {
	unsigned failures;
	int64_t links;
	unsigned compared; /* rows */
	unsigned retired;  /* rows in files that retention deleted */
	int64_t checkpoints;
	char signer[PROOF_KEY_TEXT]; /* of the last checkpoint; "" without one */
};

/* Calls `find` with each finding as it is made: links in their order, then rows without links, then checkpoints. The
 * finding lives until `find` returns. 0, or -EIO when state.db cannot be read. */
int chain_verify(struct chain_query *query, void (*find)(void *context, const struct chain_finding *finding),
	void *context, struct chain_result *ret_result);

#endif
