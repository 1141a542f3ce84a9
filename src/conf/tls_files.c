/* SPDX-License-Identifier: ISC */
#include "conf/tls_files.h"

#include "base/macro.h"
#include "conf/secrets.h"

int tls_files_load(const struct conf *conf, struct tls_context **ret_context, struct fault *why)
{
	struct tls_identity identity = {
		.certificate_name = conf->tls_certificate, .key_name = conf->tls_key};
	int r;

	if (conf->tls_certificate == NULL)
		return 0;
	r = secrets_find(conf, conf->tls_certificate, &identity.certificate, why);
	if (r == 0)
		r = secrets_find(conf, conf->tls_key, &identity.key, why);
	if (r == 0)
		r = tls_server_new(&identity, ret_context, why);
	return r < 0 ? secrets_fault_of_tls(conf, r, why) : r;
}

int tls_files_check(const struct conf *conf, struct fault *why)
{
	AUTO(tls_context) *context = NULL;

	return tls_files_load(conf, &context, why);
}
