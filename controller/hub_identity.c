#include "controller/hub_identity.h"

#include "controller/settings/settings.h"
#include "schema/wire/key_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 1200 };

int hub_identity_open(struct hub_identity *identity, const char *data, const struct authority *authority,
                      struct aq_error *error)
{
    char path[PATH_SIZE];
    size_t length;
    const void *key = authority_public_key(authority, &length);
    *identity = (struct hub_identity){0};
    snprintf(path, sizeof path, "%s/" AQ_FILE_HUB_KEY, data);
    aq_assert(length <= sizeof identity->authority);
    memcpy(identity->authority, key, length);
    identity->authority_length = length;
    if (aq_key_file_make(&identity->key, AT_FDCWD, path, error) != 0)
        return -1;
    return authority_sign(authority, AQ_SIGNED_HUB_KEY, identity->key.public, sizeof identity->key.public,
                          identity->signature, &identity->signature_length, error);
}
