#include "relay_tls.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"

struct relay_tls {
	int fd;
	bool nowait;
	gnutls_session_t session; /* NULL: given away */
	gnutls_certificate_credentials_t credentials;
};

static ssize_t pull(gnutls_transport_ptr_t ptr, void *out, size_t size)
{
	const struct relay_tls *t = ptr;

	return recv(t->fd, out, size, t->nowait ? MSG_DONTWAIT : 0);
}

static ssize_t push(gnutls_transport_ptr_t ptr, const void *data, size_t size)
{
	const struct relay_tls *t = ptr;

	return send(t->fd, data, size, MSG_NOSIGNAL);
}

static bool is_address(const char *host)
{
	struct in6_addr scratch;

	return inet_pton(AF_INET, host, &scratch) == 1 || inet_pton(AF_INET6, host, &scratch) == 1;
}

static bool fail(const char *what, int result, char *error, size_t size)
{
	snprintf(error, size, "%s: %s", what, gnutls_strerror(result));
	return false;
}

static bool load_authorities(
	struct relay_tls *t, const struct relay_tls_config *config, char *error, size_t error_size)
{
	int n;

	if (!config->verify)
		return true;
	n = config->ca_file ? gnutls_certificate_set_x509_trust_file(
				      t->credentials, config->ca_file, GNUTLS_X509_FMT_PEM)
			    : gnutls_certificate_set_x509_system_trust(t->credentials);
	return n > 0 || fail("no certificate authorities", n, error, error_size);
}

static void prepare(struct relay_tls *t, const struct relay_tls_config *config)
{
	gnutls_init(&t->session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS);
	gnutls_set_default_priority(t->session);
	gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE, t->credentials);
	gnutls_transport_set_ptr(t->session, t);
	gnutls_transport_set_pull_function(t->session, pull);
	gnutls_transport_set_push_function(t->session, push);
	if (!is_address(config->host))
		gnutls_server_name_set(
			t->session, GNUTLS_NAME_DNS, config->host, strlen(config->host));
	if (config->verify)
		gnutls_session_set_verify_cert(t->session, config->host, 0);
}

static bool handshake(struct relay_tls *t, char *error, size_t error_size)
{
	gnutls_datum_t text;
	int result;

	do
		result = gnutls_handshake(t->session);
	while (result == GNUTLS_E_INTERRUPTED || result == GNUTLS_E_WARNING_ALERT_RECEIVED);
	if (result == GNUTLS_E_SUCCESS)
		return true;
	if (result != GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR ||
		gnutls_certificate_verification_status_print(
			gnutls_session_get_verify_cert_status(t->session), GNUTLS_CRT_X509, &text,
			0) < 0)
		return fail("TLS", result, error, error_size);
	snprintf(error, error_size, "TLS: %s", (const char *)text.data);
	gnutls_free(text.data);
	return false;
}

struct relay_tls *relay_tls_open(
	int fd, const struct relay_tls_config *config, char *error, size_t error_size)
{
	struct relay_tls *t = mem_new(struct relay_tls);

	t->fd = fd;
	gnutls_certificate_allocate_credentials(&t->credentials);
	if (load_authorities(t, config, error, error_size)) {
		prepare(t, config);
		if (handshake(t, error, error_size))
			return t;
	}
	relay_tls_destroy(&t);
	return NULL;
}

void relay_tls_destroy(struct relay_tls **tls)
{
	struct relay_tls *t = *tls;

	*tls = NULL;
	if (!t)
		return;
	if (t->session)
		gnutls_deinit(t->session);
	gnutls_certificate_free_credentials(t->credentials);
	free(t);
}

void *relay_tls_give_session(struct relay_tls *t)
{
	gnutls_session_t session = t->session;

	t->session = NULL;
	return session;
}

void relay_tls_nowait(struct relay_tls *t)
{
	t->nowait = true;
}

int relay_tls_read(void *session, void *out, size_t size)
{
	ssize_t n = gnutls_record_recv(session, out, size);

	if (n >= 0)
		return (int)n;
	return gnutls_error_is_fatal((int)n) ? -2 : -1;
}

bool relay_tls_pending(void *session)
{
	return gnutls_record_check_pending(session) > 0;
}
