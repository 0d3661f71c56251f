#include "daemon/mqtt/tls_look.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "daemon/conf/site.h"
#include "daemon/mqtt/tcp.h"

#define STEP_S 3 /* for the connection and for each answer of the handshake */

/* A connected, blocking socket with a time limit on everything; -1 with a sentence. */
static int connect_to(const char *host, const char *port, char *words, size_t size)
{
	const struct timeval limit = { STEP_S, 0 };
	int fd = tcp_connect(host, port, STEP_S * 1000, words, size);

	if (fd >= 0 &&
		(fcntl(fd, F_SETFL, 0) < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
			setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)) {
		snprintf(words, size, "no TLS: a socket cannot be set up");
		close(fd);
		return -1;
	}
	return fd;
}

/* Writes the names that the certificate is for, as "localhost, *.bureau.example". */
static void list_names(const X509 *certificate, char *buf, size_t size)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	size_t n = 0;

	buf[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && n + 3 < size; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		char address[INET6_ADDRSTRLEN] = "";
		if (name->type == GEN_DNS) {
			n += (size_t)snprintf(buf + n, size - n, "%s%.60s", n ? ", " : "",
				(const char *)ASN1_STRING_get0_data(name->d.dNSName));
		} else if (name->type == GEN_IPADD &&
			inet_ntop(ASN1_STRING_length(name->d.iPAddress) == 4 ? AF_INET : AF_INET6,
				ASN1_STRING_get0_data(name->d.iPAddress), address, sizeof(address))) {
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "", address);
		}
	}
	GENERAL_NAMES_free(names);
	if (n == 0 &&
		X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, buf, (int)size) < 0) {
		snprintf(buf, size, "nobody");
	}
}

/* Writes what is wrong with the certificate; `problem` is OpenSSL's code of it. */
static void explain_certificate(long problem, const X509 *certificate, const char *host, char *words, size_t size)
{
	char names[120] = "", issuer[80] = "";

	if (certificate) {
		list_names(certificate, names, sizeof(names));
		(void)X509_NAME_get_text_by_NID(/* issuer stays "" when there is none */
			X509_get_issuer_name(certificate), NID_commonName, issuer, sizeof(issuer));
	}
	switch (problem) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		snprintf(words, size,
			"wrong host name: the broker's certificate is for %s, not for %.60s; write a name of the "
			"certificate in broker",
			names, host);
		return;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		snprintf(words, size,
			"wrong authority: the broker's certificate was signed by \"%s\", which is not in the file of "
			"ca",
			issuer);
		return;
	case X509_V_ERR_CERT_NOT_YET_VALID:
	case X509_V_ERR_CERT_HAS_EXPIRED:
		snprintf(words, size, "the broker's certificate is %s: renew it, or set this box's clock",
			problem == X509_V_ERR_CERT_HAS_EXPIRED ? "out of date" : "not valid yet");
		return;
	default:
		snprintf(words, size, "the broker's certificate is not valid: %s",
			X509_verify_cert_error_string(problem));
	}
}

/* True when the handshake succeeded with a good certificate. */
static bool verify_broker(SSL *ssl, const char *host, char *words, size_t size)
{
	ERR_clear_error();
	int connected = SSL_connect(ssl);
	unsigned long error = ERR_peek_error();
	long problem = SSL_get_verify_result(ssl);
	if (connected == 1 && problem == X509_V_OK) {
		return true;
	}
	if (connected == 1) {
		X509 *certificate = SSL_get1_peer_certificate(ssl);
		explain_certificate(problem, certificate, host, words, size);
		X509_free(certificate);
	} else if (ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER || error == 0) {
		snprintf(words, size,
			"no TLS there: the port answers, but not with TLS; perhaps broker is mqtt:// and not mqtts://");
	} else {
		const char *reason = ERR_reason_error_string(error);
		snprintf(words, size, "no TLS: %.100s", reason ? reason : "unknown reason");
	}
	return false;
}

/* A broker that speaks TLS 1.3 checks our certificate after our side of the handshake is over. Before our first MQTT
 * packet it sends no data, so whatever can be read is its refusal. */
static bool takes_our_certificate(SSL *ssl, int fd, char *words, size_t size)
{
	const struct timeval limit = { 1, 0 };
	char byte;

	ERR_clear_error();
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 || SSL_read(ssl, &byte, 1) > 0 ||
		ERR_peek_error() == 0) {
		return true;
	}
	int reason = ERR_GET_REASON(ERR_peek_error());
	const char *said = ERR_reason_error_string(ERR_peek_error());
	if (reason == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED) {
		snprintf(words, size,
			"no TLS: the broker asks for our certificate; name one with client_cert and client_key");
	} else {
		snprintf(words, size, "no TLS: the broker refused our certificate, that of client_cert: %.80s",
			said ? said : "no reason");
	}
	return false;
}

/* Loads the authorities and our certificate that the configuration names. False with a sentence. */
static bool load_files(SSL_CTX *context, const struct mqtt_conf *conf, char *words, size_t size)
{
	bool trusts = conf->ca[0] ? SSL_CTX_load_verify_file(context, conf->ca) == 1
				  : SSL_CTX_set_default_verify_paths(context) == 1;

	if (!trusts) {
		snprintf(words, size, "no TLS: the file of ca, %.150s, has no readable certificate", conf->ca);
		return false;
	}
	if (conf->client_cert[0] &&
		(SSL_CTX_use_certificate_chain_file(context, conf->client_cert) != 1 ||
			SSL_CTX_use_PrivateKey_file(context, conf->client_key, SSL_FILETYPE_PEM) != 1 ||
			SSL_CTX_check_private_key(context) != 1)) {
		snprintf(words, size,
			"no TLS: client_cert and client_key, %.80s and %.80s, cannot be read or do not belong together",
			conf->client_cert, conf->client_key);
		return false;
	}
	return true;
}

/* Makes the handshake and reads what the broker says of our certificate. False with a sentence. */
static bool shake_hands(SSL_CTX *context, int fd, const char *host, char *words, size_t size)
{
	bool is_address = strspn(host, "0123456789.") == strlen(host) || strchr(host, ':');
	SSL *ssl = SSL_new(context);

	if (!ssl) {
		return false;
	}
	/* The certificate is verified, but the handshake goes on, so that there is one to look at. Nothing is sent. */
	SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	bool named = is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1
				: SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
	bool good = named && SSL_set_fd(ssl, fd) == 1 && verify_broker(ssl, host, words, size) &&
		takes_our_certificate(ssl, fd, words, size);
	SSL_free(ssl);
	return good;
}

bool tls_look_connect(const char *host, const char *port, const struct mqtt_conf *conf, char *words, size_t size)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	bool good = false;

	snprintf(words, size, "no TLS: out of memory");
	if (context && load_files(context, conf, words, size)) {
		int fd = connect_to(host, port, words, size);
		if (fd >= 0) {
			snprintf(words, size, "no TLS: out of memory");
			good = shake_hands(context, fd, host, words, size);
			close(fd);
		}
	}
	SSL_CTX_free(context);
	return good;
}
