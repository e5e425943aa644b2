// SPDX-License-Identifier: ISC
#ifndef TALARIA_PROVIDER_H
#define TALARIA_PROVIDER_H

#include <openssl/core.h>

#define TALARIA_PROVIDER "talaria"
// Of the name under which the key's name is imported.
#define TALARIA_KEY_NAME_PARAMETER "talaria-key-name"

// A provider of keys without a private half, and of signatures that are made elsewhere.
OSSL_provider_init_fn talaria_provider_init;

#endif
