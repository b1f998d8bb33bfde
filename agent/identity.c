#include "agent/identity.h"

#include "schema/base/files.h"
#include "schema/wire/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CLUSTER_SIZE_MAX = 512 };

/* Two lines: "authority sha256:..." and "hub ...". */
static int read_cluster(struct identity *identity, int root, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    char authority[AQ_FINGERPRINT_SIZE], hub[AQ_NOISE_TEXT_SIZE];
    struct aq_error ignored;
    if (faccessat(root, IDENTITY_CLUSTER, F_OK, 0) != 0 && errno == ENOENT)
        return 0;
    if (aq_file_read(root, IDENTITY_CLUSTER, CLUSTER_SIZE_MAX, &text, error) != 0)
        return -1;
    if (sscanf(aq_buffer_string(&text), "authority %71s hub %64s", authority, hub) != 2 ||
        aq_fingerprint_parse(authority, identity->fingerprint, &ignored) != 0 ||
        !aq_noise_key_from_text(identity->seals.hub, hub))
        return aq_fail(error, AQ_E_CORRUPT,
                       "the file " IDENTITY_CLUSTER " does not hold a fingerprint and a key: remove it, and give the "
                       "agent a join token");
    identity->seals.knows_hub = true;
    return 0;
}

int identity_open(struct identity *identity, int root, struct aq_error *error)
{
    *identity = (struct identity){0};
    if (aq_key_file_make(&identity->seals.own, root, IDENTITY_KEY, error) != 0)
        return -1;
    return read_cluster(identity, root, error);
}

void identity_wipe(struct identity *identity)
{
    sodium_memzero(identity, sizeof *identity);
}

int identity_set_cluster(struct identity *identity, int root, const char *fingerprint,
                         const unsigned char hub[AQ_NOISE_KEY_SIZE], struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    char key[AQ_NOISE_TEXT_SIZE];
    aq_noise_key_to_text(hub, key);
    aq_buffer_format(&text, "authority %s\nhub %s\n", fingerprint, key);
    if (aq_file_replace(root, IDENTITY_CLUSTER, 0600, text.data, text.length, error) != 0)
        return aq_error_context(error, "storing which cluster this is");
    snprintf(identity->fingerprint, sizeof identity->fingerprint, "%s", fingerprint);
    memcpy(identity->seals.hub, hub, sizeof identity->seals.hub);
    identity->seals.knows_hub = true;
    return 0;
}
