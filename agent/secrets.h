/* Secrets of the workloads of this agent: on a memory file system only, so that they are gone with the host.
 *
 *     <setting secrets>/<instance of the agent>/<resource>/all      all of them, for a restart of workload or agent
 *     <setting secrets>/<instance of the agent>/<resource>/files/   those of its metadata, one file each: what it sees
 *
 * The directory is made, and a memory file system is mounted there if it is on none, when the first secret comes. */
#ifndef AQ_AGENT_SECRETS_H
#define AQ_AGENT_SECRETS_H

#include "schema/base/memory.h"
#include "schema/model/secret.h"

struct secrets {
    char *path;
    char instance[24];
    int directory; /* of the instance; -1: not opened yet */
};

void secrets_init(struct secrets *secrets, const char *path, uint64_t instance);
void secrets_free(struct secrets *secrets); /* leaves them where they are */

/* Stores the secrets of a resource (aq_secret), in place of those that it had. */
int secrets_store(struct secrets *secrets, uint64_t resource, const struct aq_list *list,
                  struct aq_error *error) AQ_MUST_CHECK;
/* Reads them into `arena`, which is to be wiped. Fails with AQ_E_NOT_FOUND when there are none: the host was started
 * anew. */
int secrets_load(struct secrets *secrets, uint64_t resource, struct aq_list *list, struct aq_arena *arena,
                 struct aq_error *error) AQ_MUST_CHECK;
bool secrets_have(struct secrets *secrets, uint64_t resource);
/* The path of files/, in `arena`. */
const char *secrets_files(const struct secrets *secrets, uint64_t resource, struct aq_arena *arena);
void secrets_drop(struct secrets *secrets, uint64_t resource);

/* Drops those of all resources but the ones for which `keep` returns true. Makes nothing. */
typedef bool secrets_keep_fn(void *context, uint64_t resource);
void secrets_sweep(struct secrets *secrets, secrets_keep_fn *keep, void *context);

/* The same list without the values: what may be on a disk. */
struct aq_list secrets_names(const struct aq_list *list, struct aq_arena *arena);

#endif
