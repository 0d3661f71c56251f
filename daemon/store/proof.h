/* proof.h - the sizes of hashes, keys and signatures as texts. */
#ifndef EMIS_DAEMON_STORE_PROOF_H
#define EMIS_DAEMON_STORE_PROOF_H

#define PROOF_HASH_TEXT 65      /* hexadecimal with its end */
#define PROOF_KEY_TEXT 45       /* a public key in base64 with its end */
#define PROOF_SIGNATURE_TEXT 89 /* a signature in base64 with its end */

#endif
